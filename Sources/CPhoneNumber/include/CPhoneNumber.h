// The C door to libphonenumber: reads a phone number as a person wrote it, and gives its E.164 digits.
//
// Every function may be called from any thread. No C++ exception leaves a function; what would have been one
// is a status. No function keeps a pointer that it was given.

#ifndef CPHONENUMBER_H
#define CPHONENUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The longest spelling that is looked at, in bytes. Longer ones are invalid without asking libphonenumber.
#define CPN_RAW_BYTES_MAX 250

/// The most digits a number can have. ITU-T E.164 says 15, but number plans know longer ones that libphonenumber
/// calls valid (Germany, Japan, Nigeria), and 19 is the longest of its metadata. 19 digits fit 64 bits.
#define CPN_DIGITS_MAX 19

/// Two upper-case ASCII letters, the first in the high byte: Spain is 0x4553, "ES". Under a region that
/// libphonenumber does not know, only numbers that carry a country code can be read.
typedef uint16_t cpn_region;

typedef enum __attribute__((enum_extensibility(closed))) cpn_status {
    /// The number is valid, and its digits were written.
    CPN_VALID __attribute__((swift_name("valid"))) = 0,
    /// libphonenumber cannot read it or says that no such number exists, or it is too long or not UTF-8.
    CPN_INVALID __attribute__((swift_name("invalid"))) = 1,
    /// libphonenumber itself failed, as for want of memory: says nothing about the number.
    CPN_FAILED __attribute__((swift_name("failed"))) = 2,
} cpn_status;

/// Reads `raw` (UTF-8, need not end in NUL, may be NULL if `raw_length` is 0) as libphonenumber does: parse with
/// `region`, require a valid number, format as E.164. The extension is dropped.
///
/// `*digits` becomes the E.164 text without its '+' as one decimal number (E.164 never begins with 0, so nothing
/// is lost), or 0 unless the status is CPN_VALID.
///
/// The result is a fixed point: reading '+' and these digits gives these digits, in every region. Where
/// libphonenumber's own answer is none (Mexico's "+52 1 1 ..." parses to "+521...", which parses to "+52..."), the
/// answer is read again until it stands still.
///
/// Numbers that tables made of libphonenumber's own metadata leave no doubt about are answered from these.
cpn_status cpn_normalize(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits);

/// Reads `count` spellings that lie one after the other in `raws`, the i-th being `lengths[i]` bytes long, as
/// `cpn_normalize` does. `digits[i]` is 0 for one that is not valid.
///
/// Returns CPN_VALID, or CPN_FAILED if libphonenumber failed on one: then a 0 may stand for "not known".
cpn_status cpn_normalize_batch(
    const void *raws, const size_t *lengths, size_t count, cpn_region region, uint64_t *digits);

/// Whether libphonenumber has metadata for `region`.
bool cpn_region_supported(cpn_region region);

/// Writes the version that the file name of the loaded library carries, such as "8.12", NUL-terminated and cut to
/// `capacity`. Writes "static" if the library is part of the program itself.
///
/// The library has no call that tells its version, and packages of different metadata share one file name: so
/// compare `cpn_metadata_fingerprint` as well.
void cpn_library_version(char *out, size_t capacity);

/// A 64-bit fingerprint (FNV-1a) of the metadata that decides which numbers are valid and how they are read: the
/// same for the same metadata on every machine. 0 if libphonenumber failed.
uint64_t cpn_metadata_fingerprint(void);

// For tests
// Nothing below is used by the library; it lets tests make numbers of every region and check `cpn_normalize`.

/// How many number types `cpn_example_number` knows: 0 is fixed line, 1 mobile, and so on as in PhoneNumberUtil.
#define CPN_TYPE_COUNT 11

/// How many formats `cpn_example_number` knows: E.164, international, national, RFC 3966.
#define CPN_FORMAT_COUNT 4

/// Writes up to `capacity` supported regions in ascending order and returns how many there are.
size_t cpn_supported_regions(cpn_region *out, size_t capacity);

/// Writes an example number of `region` and returns its length in bytes, not counting the NUL after it; 0 if there
/// is none or it does not fit.
size_t cpn_example_number(cpn_region region, unsigned type, unsigned format, char *out, size_t capacity);

/// What `cpn_normalize` promises, the plain way: fresh objects, and every answer read again until it stands still.
cpn_status cpn_normalize_reference(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits);

/// The answer of the tables alone. False where they leave a doubt, which says nothing about the number.
bool cpn_normalize_by_tables(const void *raw, size_t raw_length, cpn_region region, uint64_t *digits);

#ifdef __cplusplus
}
#endif

#endif
