// The door to Debian's liblmdb-dev. Only the target LMDB imports it.
#include <lmdb.h>
// statfs(2), which Swift's Glibc leaves out.
#include <sys/vfs.h>
