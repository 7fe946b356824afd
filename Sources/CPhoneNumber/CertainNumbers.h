// Reads phone numbers by tables that are made of libphonenumber's own metadata, where these leave no doubt.
#ifndef CERTAIN_NUMBERS_H
#define CERTAIN_NUMBERS_H

#include <phonenumbers/phonemetadata.pb.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "DigitPattern.h"

/// Knows some valid numbers at sight, a hundred times as fast as libphonenumber; what it does not know says nothing.
///
/// It answers only for digits with at most spaces, hyphens, dots and brackets between them, of which libphonenumber
/// keeps nothing but the digits. Of these, only where nothing of libphonenumber's parsing can take effect:
/// - The country code belongs to one region, so that libphonenumber judges the number by that region's rules alone.
/// - Without '+', the digits begin with no international prefix of the region. They may begin with its country code:
///   libphonenumber strips that from none that matches the region's general description.
/// - They don't begin with the region's national prefix, and this is a plain literal or none.
/// - They match the general description and one of the types, which is what libphonenumber calls valid. What does not
///   match is not called invalid here: libphonenumber might find another reading.
class CertainNumbers {
public:
    /// The first use parses the metadata, and that of a region compiles its patterns.
    static const CertainNumbers &shared();

    /// The E.164 digits of a number that is surely valid, or nothing.
    /// - Parameter region: two letters, the first in the high byte.
    std::optional<uint64_t> read(std::string_view raw, uint16_t region) const;

private:
    static constexpr int kCountryCodes = 1000;
    static constexpr size_t kRegions = 26 * 26;

    /// What a kind of numbers looks like.
    struct Description {
        uint32_t lengths;  // a bit for each; 0 where only the pattern says
        DigitPattern pattern;

        bool matches(std::string_view digits) const;
    };

    /// The rules of one region, compiled.
    struct Rules {
        std::string national_prefix;
        std::optional<DigitPattern> international_prefix;
        std::vector<Description> general;  // one
        std::vector<Description> types;

        bool is_valid(std::string_view digits) const;
    };

    /// Those of a country code, made when they are first asked for.
    struct Country {
        int metadata = -1;  // where in the collection; -1 where there are no rules that are certain
        bool is_known = false;
        mutable std::once_flag once;
        mutable std::unique_ptr<const Rules> rules;
    };

    i18n::phonenumbers::PhoneMetadataCollection collection_;
    std::array<Country, kCountryCodes> countries_;
    std::array<uint16_t, kRegions> codes_{};  // by region

    CertainNumbers();
    const Rules *rules(int country_code) const;
    static std::unique_ptr<const Rules> compile(const i18n::phonenumbers::PhoneMetadata &metadata);
    static bool add(const i18n::phonenumbers::PhoneNumberDesc &description, std::vector<Description> &to);
};

#endif
