// The door to Debian's liblmdb-dev. Only the target LMDB imports it.
#include <lmdb.h>
// statfs(2), which Swift's Glibc leaves out.
#include <sys/vfs.h>

#include <sys/types.h>

// Linux's sync_file_range(2), which the C library shows only to those who ask for all of its extensions: writes the changed
// pages of a range to the disk and waits for it. No flush. Source: its manual page.
static inline int vault_write_out(int descriptor, long long offset, long long bytes) {
    extern int sync_file_range(int, off_t, off_t, unsigned);
    const unsigned wait_before = 1, write = 2, wait_after = 4;
    return sync_file_range(descriptor, (off_t)offset, (off_t)bytes, wait_before | write | wait_after);
}

// Linux's fallocate(2), likewise: gives a file blocks on the disk for its first bytes, whatever its length is and stays.
static inline int vault_give_blocks(int descriptor, long long bytes) {
    extern int fallocate(int, int, off_t, off_t);
    const int keep_size = 1;
    return fallocate(descriptor, keep_size, 0, (off_t)bytes);
}

// Linux's renameat2(2), likewise: gives a file another name, unless something has it.
static inline int vault_rename_to_free(const char *from, const char *to) {
    extern int renameat2(int, const char *, int, const char *, unsigned);
    const int working_directory = -100;
    const unsigned no_replace = 1;
    return renameat2(working_directory, from, working_directory, to, no_replace);
}

// Asks for the line of memory at an address that is about to be read. Any address will do.
static inline void vault_prefetch(const void *address) { __builtin_prefetch(address); }

// Tells the processor that this thread waits for another.
static inline void vault_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
