// Implements CPhoneNumber.h over libphonenumber.

#include "CPhoneNumber.h"

#include <dlfcn.h>
#include <phonenumbers/phonemetadata.pb.h>
#include <phonenumbers/phonenumberutil.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include "CertainNumbers.h"
#include "EmbeddedMetadata.h"

namespace {

using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneMetadataCollection;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/// Readings until an answer must have stood still. Each further one strips a prefix, and prefixes do not nest deeper.
constexpr int kReadingsMax = 4;

/// Runs `body`, and answers `failed` where it throws.
template <typename Result, typename Body>
Result guarded(Result failed, Body body) noexcept {
    try {
        return body();
    } catch (...) {
        return failed;
    }
}

/// Tells which E.164 numbers may read differently when they are parsed again.
///
/// All that a second parse can do to '+', country code and national number is to strip a national prefix off the
/// latter. Half of all country codes have none and most others a plain "0" or "1", so that this table spares nearly
/// every number the second parse, which costs as much as the first.
class NationalPrefixes {
public:
    static const NationalPrefixes &shared() {
        static const NationalPrefixes prefixes;
        return prefixes;
    }

    bool may_strip(int country_code, std::string_view e164) const {
        if (country_code <= 0 || country_code >= kCountryCodes) return true;
        const Prefix &prefix = prefixes_[country_code];
        if (prefix.is_pattern) return true;
        if (prefix.literal.empty()) return false;
        std::string_view national = e164.substr(1 + (country_code > 9) + (country_code > 99) + 1);
        return national.substr(0, prefix.literal.size()) == prefix.literal;
    }

private:
    static constexpr int kCountryCodes = 1000;

    struct Prefix {
        std::string literal;
        bool is_pattern = true;  // what the metadata does not tell about is parsed again
    };

    std::array<Prefix, kCountryCodes> prefixes_;

    NationalPrefixes() {
        PhoneMetadataCollection collection;
        std::string_view bytes = embedded_metadata();
        if (bytes.empty() || !collection.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
        for (const PhoneMetadata &metadata : collection.metadata()) add(metadata);
    }

    /// Notes the prefix of a country code's main region: libphonenumber reads a number with '+' by that one's rules.
    void add(const PhoneMetadata &metadata) {
        int country_code = metadata.country_code();
        if (country_code <= 0 || country_code >= kCountryCodes) return;
        std::string main_region;
        PhoneNumberUtil::GetInstance()->GetRegionCodeForCountryCode(country_code, &main_region);
        if (metadata.id() != main_region) return;
        const std::string &pattern = metadata.national_prefix_for_parsing();
        bool is_pattern = pattern.find_first_not_of("0123456789") != std::string::npos;
        prefixes_[country_code] = {is_pattern ? std::string() : pattern, is_pattern};
    }
};

/// What one reading needs, kept per thread so that no reading allocates what the one before had.
struct Scratch {
    std::string text, region, e164;
    PhoneNumber number;

    static Scratch &of_thread() {
        thread_local Scratch scratch;
        return scratch;
    }
};

void assign(std::string &text, cpn_region region) {
    const char letters[2] = {static_cast<char>(region >> 8), static_cast<char>(region & 0xFF)};
    text.assign(letters, 2);
}

/// The length of the well-formed UTF-8 sequence at the start of `rest` (Unicode, table 3-7), or 0.
size_t sequence_length(const unsigned char *rest, size_t count) {
    auto continues = [&](size_t index, unsigned char low = 0x80, unsigned char high = 0xBF) {
        return index < count && rest[index] >= low && rest[index] <= high;
    };
    unsigned char lead = rest[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return continues(1) ? 2 : 0;
    if (lead < 0xF0) {
        bool second = continues(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
        return second && continues(2) ? 3 : 0;
    }
    if (lead > 0xF4) return 0;
    bool second = continues(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && continues(2) && continues(3) ? 4 : 0;
}

bool is_utf8(const char *raw, size_t length) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(raw);
    size_t index = 0;
    while (index < length) {
        size_t step = sequence_length(bytes + index, length - index);
        if (step == 0) return false;
        index += step;
    }
    return true;
}

/// The digits of "+..." as a number; 0 if they are none, or more than fit.
uint64_t digits_of(const std::string &e164) {
    if (e164.size() < 2 || e164.size() > 1 + CPN_DIGITS_MAX || e164[0] != '+' || e164[1] == '0') return 0;
    uint64_t digits = 0;
    for (size_t index = 1; index < e164.size(); ++index) {
        if (e164[index] < '0' || e164[index] > '9') return 0;
        digits = digits * 10 + static_cast<uint64_t>(e164[index] - '0');
    }
    return digits;
}

/// Parses, validates and formats `text` once. False if it is no valid number.
bool read_once(const std::string &text, const std::string &region, PhoneNumber &number, std::string &e164) {
    const PhoneNumberUtil &library = *PhoneNumberUtil::GetInstance();
    number.Clear();
    if (library.Parse(text, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR) return false;
    if (!library.IsValidNumber(number)) return false;
    library.Format(number, PhoneNumberUtil::E164, &e164);
    return true;
}

cpn_status normalize(const char *raw, size_t length, cpn_region region, uint64_t &digits) {
    digits = 0;
    if (length == 0 || length > CPN_RAW_BYTES_MAX) return CPN_INVALID;
    if (auto certain = CertainNumbers::shared().read({raw, length}, region)) {
        digits = *certain;
        return CPN_VALID;
    }
    if (!is_utf8(raw, length)) return CPN_INVALID;
    Scratch &scratch = Scratch::of_thread();
    const NationalPrefixes &prefixes = NationalPrefixes::shared();
    scratch.text.assign(raw, length);
    assign(scratch.region, region);
    for (int reading = 0; reading < kReadingsMax; ++reading) {
        if (!read_once(scratch.text, scratch.region, scratch.number, scratch.e164)) return CPN_INVALID;
        bool stands_still =
            scratch.e164 == scratch.text || !prefixes.may_strip(scratch.number.country_code(), scratch.e164);
        if (stands_still) {
            digits = digits_of(scratch.e164);
            return digits == 0 ? CPN_INVALID : CPN_VALID;
        }
        scratch.text = scratch.e164;
    }
    return CPN_INVALID;
}

uint64_t fnv1a(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325) {
    for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

std::set<std::string> supported_regions() {
    std::set<std::string> regions;
    PhoneNumberUtil::GetInstance()->GetSupportedRegions(&regions);
    return regions;
}

/// Stands in for the metadata itself where the library does not export it.
uint64_t fingerprint_of_examples() {
    const PhoneNumberUtil &library = *PhoneNumberUtil::GetInstance();
    uint64_t hash = fnv1a("examples");
    for (const std::string &region : supported_regions()) {
        hash = fnv1a(region + std::to_string(library.GetCountryCodeForRegion(region)), hash);
        for (int type = 0; type < CPN_TYPE_COUNT; ++type) {
            PhoneNumber number;
            std::string e164;
            auto number_type = static_cast<PhoneNumberUtil::PhoneNumberType>(type);
            if (library.GetExampleNumberForType(region, number_type, &number)) {
                library.Format(number, PhoneNumberUtil::E164, &e164);
            }
            hash = fnv1a(e164 + ";", hash);
        }
    }
    return hash;
}

std::string library_version() {
    Dl_info info;
    if (dladdr(reinterpret_cast<void *>(&PhoneNumberUtil::GetInstance), &info) == 0) return "static";
    char path[PATH_MAX];
    std::string file = realpath(info.dli_fname, path) == nullptr ? info.dli_fname : path;
    const std::string marker = "libphonenumber.so.";
    size_t found = file.rfind(marker);
    return found == std::string::npos ? "static" : file.substr(found + marker.size());
}

size_t copy(const std::string &text, char *out, size_t capacity) {
    if (text.size() >= capacity) return 0;
    std::memcpy(out, text.c_str(), text.size() + 1);
    return text.size();
}

}  // namespace

cpn_status cpn_normalize(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits) {
    *digits = 0;
    return guarded(CPN_FAILED, [&] { return normalize(static_cast<const char *>(raw), raw_length, region, *digits); });
}

cpn_status cpn_normalize_batch(
    const void *raws, const size_t *lengths, size_t count, cpn_region region, uint64_t *digits) {
    const char *next = static_cast<const char *>(raws);
    cpn_status status = CPN_VALID;
    for (size_t index = 0; index < count; ++index) {
        if (cpn_normalize(next, lengths[index], region, &digits[index]) == CPN_FAILED) status = CPN_FAILED;
        next += lengths[index];
    }
    return status;
}

bool cpn_region_supported(cpn_region region) {
    return guarded(false, [&] {
        std::string text;
        assign(text, region);
        return PhoneNumberUtil::GetInstance()->GetCountryCodeForRegion(text) != 0;
    });
}

void cpn_library_version(char *out, size_t capacity) {
    if (capacity == 0) return;
    out[0] = 0;
    guarded(false, [&] {
        copy(library_version().substr(0, capacity - 1), out, capacity);
        return true;
    });
}

uint64_t cpn_metadata_fingerprint(void) {
    return guarded(uint64_t{0}, [] {
        static const uint64_t fingerprint =
            embedded_metadata().empty() ? fingerprint_of_examples() : fnv1a(embedded_metadata());
        return fingerprint;
    });
}

size_t cpn_supported_regions(cpn_region *out, size_t capacity) {
    return guarded(size_t{0}, [&] {
        size_t count = 0;
        for (const std::string &region : supported_regions()) {
            if (count < capacity) out[count] = static_cast<cpn_region>(region[0] << 8 | region[1]);
            ++count;
        }
        return count;
    });
}

size_t cpn_example_number(cpn_region region, unsigned type, unsigned format, char *out, size_t capacity) {
    return guarded(size_t{0}, [&]() -> size_t {
        const PhoneNumberUtil &library = *PhoneNumberUtil::GetInstance();
        PhoneNumber number;
        std::string code, text;
        assign(code, region);
        auto number_type = static_cast<PhoneNumberUtil::PhoneNumberType>(type);
        if (!library.GetExampleNumberForType(code, number_type, &number)) return 0;
        library.Format(number, static_cast<PhoneNumberUtil::PhoneNumberFormat>(format), &text);
        return copy(text, out, capacity);
    });
}

bool cpn_normalize_by_tables(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits) {
    *digits = 0;
    return guarded(false, [&] {
        auto certain = CertainNumbers::shared().read({static_cast<const char *>(raw), raw_length}, region);
        *digits = certain.value_or(0);
        return certain.has_value();
    });
}

cpn_status cpn_normalize_reference(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits) {
    *digits = 0;
    return guarded(CPN_FAILED, [&] {
        std::string text(static_cast<const char *>(raw), raw_length), code;
        if (text.empty() || text.size() > CPN_RAW_BYTES_MAX || !is_utf8(text.data(), text.size())) return CPN_INVALID;
        assign(code, region);
        for (int reading = 0; reading < kReadingsMax; ++reading) {
            PhoneNumber number;
            std::string e164;
            if (!read_once(text, code, number, e164)) return CPN_INVALID;
            if (e164 == text) {
                *digits = digits_of(e164);
                return *digits == 0 ? CPN_INVALID : CPN_VALID;
            }
            text = e164;
        }
        return CPN_INVALID;
    });
}
