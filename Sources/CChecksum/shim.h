// CRC-32C by the processor's own instruction, which Swift can't name. Only the target Storage imports it.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
// Whether this processor has the instruction.
static inline int vault_has_crc32c(void) { return __builtin_cpu_supports("sse4.2") != 0; }

// The register of a CRC-32C after so many more bytes.
__attribute__((target("sse4.2"))) static inline uint32_t vault_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = (const unsigned char *)bytes;
    uint64_t wide = crc;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; count--, next++) crc = __builtin_ia32_crc32qi(crc, *next);
    return crc;
}
#else
static inline int vault_has_crc32c(void) { return 0; }
static inline uint32_t vault_crc32c(uint32_t crc, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return crc;
}
#endif
