// `malloc_trim`, which Swift's Glibc does not name. Only the target VaultServer imports it.
#include <malloc.h>
