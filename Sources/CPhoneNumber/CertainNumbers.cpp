#include "CertainNumbers.h"

#include <phonenumbers/phonenumberutil.h>

#include <list>

#include "EmbeddedMetadata.h"

using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneNumberDesc;
using i18n::phonenumbers::PhoneNumberUtil;

namespace {

/// Of E.164 numbers that are read here; libphonenumber reads the few that are longer.
constexpr size_t kDigitsMax = 15;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool stands_between(char c) { return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')'; }

/// The digits of a text that has nothing else that could mean anything. Empty where it has.
struct Digits {
    char bytes[kDigitsMax];
    size_t count = 0;
    bool has_plus = false;

    explicit Digits(std::string_view raw) {
        has_plus = !raw.empty() && raw[0] == '+';
        if (has_plus) raw.remove_prefix(1);
        // What stands around the digits is for libphonenumber.
        if (raw.empty() || !is_digit(raw.front()) || !is_digit(raw.back())) return;
        for (char c : raw) {
            if (is_digit(c) && count < kDigitsMax) {
                bytes[count++] = c;
            } else if (!stands_between(c)) {
                count = 0;
                return;
            }
        }
    }

    std::string_view text() const { return {bytes, count}; }
};

uint64_t number(std::string_view digits, uint64_t before = 0) {
    for (char digit : digits) before = before * 10 + static_cast<uint64_t>(digit - '0');
    return before;
}

/// Where a region is in a table of all pairs of letters; nothing where it is none.
std::optional<size_t> index_of(uint16_t region) {
    unsigned first = (region >> 8) - 'A', second = (region & 0xFF) - 'A';
    if (first >= 26 || second >= 26) return std::nullopt;
    return first * 26 + second;
}

}  // namespace

const CertainNumbers &CertainNumbers::shared() {
    static const CertainNumbers numbers;
    return numbers;
}

CertainNumbers::CertainNumbers() {
    std::string_view bytes = embedded_metadata();
    if (bytes.empty() || !collection_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    const PhoneNumberUtil &library = *PhoneNumberUtil::GetInstance();
    for (int index = 0; index < collection_.metadata_size(); ++index) {
        const PhoneMetadata &metadata = collection_.metadata(index);
        int code = metadata.country_code();
        if (code <= 0 || code >= kCountryCodes) continue;
        Country &country = countries_[static_cast<size_t>(code)];
        country.is_known = true;
        if (metadata.id().size() != 2) continue;
        auto place = index_of(static_cast<uint16_t>(metadata.id()[0] << 8 | metadata.id()[1]));
        if (place) codes_[*place] = static_cast<uint16_t>(code);
        std::list<std::string> regions;
        library.GetRegionCodesForCountryCallingCode(code, &regions);
        if (regions.size() == 1 && regions.front() == metadata.id()) country.metadata = index;
    }
}

std::optional<uint64_t> CertainNumbers::read(std::string_view raw, uint16_t region) const {
    Digits digits(raw);
    std::string_view national = digits.text();
    if (national.empty()) return std::nullopt;
    int code = 0;
    if (digits.has_plus) {
        // Country codes are no beginnings of each other.
        size_t length = 0;
        while (length < 3 && length < national.size() && !countries_[static_cast<size_t>(code)].is_known)
            code = code * 10 + (national[length++] - '0');
        if (national[0] == '0' || !countries_[static_cast<size_t>(code)].is_known) return std::nullopt;
        national.remove_prefix(length);
    } else if (auto place = index_of(region)) {
        code = codes_[*place];
    }
    const Rules *rules = this->rules(code);
    if (rules == nullptr || national.empty() || national[0] == '0') return std::nullopt;
    if (!digits.has_plus && rules->international_prefix->matches_start_of(national)) return std::nullopt;
    const std::string &prefix = rules->national_prefix;
    if (!prefix.empty() && national.substr(0, prefix.size()) == prefix) return std::nullopt;
    if (!rules->is_valid(national)) return std::nullopt;
    return number(national, static_cast<uint64_t>(code));
}

const CertainNumbers::Rules *CertainNumbers::rules(int country_code) const {
    const Country &country = countries_[static_cast<size_t>(country_code)];
    if (country.metadata < 0) return nullptr;
    std::call_once(country.once, [&] { country.rules = compile(collection_.metadata(country.metadata)); });
    return country.rules.get();
}

/// Nothing where a rule is written in a way that is not certain.
std::unique_ptr<const CertainNumbers::Rules> CertainNumbers::compile(const PhoneMetadata &metadata) {
    auto rules = std::make_unique<Rules>();
    rules->national_prefix = metadata.national_prefix_for_parsing();
    if (rules->national_prefix.find_first_not_of("0123456789") != std::string::npos) return nullptr;
    rules->international_prefix = DigitPattern::compile(metadata.international_prefix());
    if (!rules->international_prefix || !add(metadata.general_desc(), rules->general)) return nullptr;
    for (const PhoneNumberDesc *type :
         {&metadata.mobile(), &metadata.fixed_line(), &metadata.toll_free(), &metadata.premium_rate(),
          &metadata.shared_cost(), &metadata.voip(), &metadata.personal_number(), &metadata.pager(), &metadata.uan(),
          &metadata.voicemail()}) {
        if (!add(*type, rules->types)) return nullptr;
    }
    return rules->general.empty() ? nullptr : std::unique_ptr<const Rules>(std::move(rules));
}

/// False where the description can't be compiled. One without numbers is left out.
bool CertainNumbers::add(const PhoneNumberDesc &description, std::vector<Description> &to) {
    if (description.national_number_pattern().empty()) return true;
    auto pattern = DigitPattern::compile(description.national_number_pattern());
    if (!pattern) return false;
    uint32_t lengths = 0;
    for (int length : description.possible_length()) {
        if (length > 0 && length < 32) lengths |= uint32_t{1} << length;
    }
    if (description.possible_length_size() > 0 && lengths == 0) return true;
    to.push_back({lengths, std::move(*pattern)});
    return true;
}

bool CertainNumbers::Description::matches(std::string_view digits) const {
    return (lengths == 0 || lengths >> digits.size() & 1) && pattern.matches(digits);
}

bool CertainNumbers::Rules::is_valid(std::string_view digits) const {
    // A length that the general description does not list could be too long, and then be read in another way.
    if (general[0].lengths == 0 || !general[0].matches(digits)) return false;
    for (const Description &type : types) {
        if (type.matches(digits)) return true;
    }
    return false;
}
