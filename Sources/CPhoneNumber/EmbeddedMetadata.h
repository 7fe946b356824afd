// The metadata that libphonenumber carries inside itself.
#ifndef EMBEDDED_METADATA_H
#define EMBEDDED_METADATA_H

#include <string_view>

namespace i18n {
namespace phonenumbers {

// The library exports its embedded metadata, but no header declares it. Weak, so that a build of the library without
// these still links.
const void *metadata_get() __attribute__((weak));
int metadata_size() __attribute__((weak));

}  // namespace phonenumbers
}  // namespace i18n

/// Empty where the library does not export it.
inline std::string_view embedded_metadata() {
    namespace library = i18n::phonenumbers;
    if (library::metadata_get == nullptr || library::metadata_size == nullptr) return {};
    return {static_cast<const char *>(library::metadata_get()), static_cast<size_t>(library::metadata_size())};
}

#endif
