// The yardstick: mdb_get in a loop, one read transaction, on a vault's own file with a vault's own keys.
//
// usage: bare-lmdb VAULT TABLE KEYS [TABLE KEYS]
// KEYS holds one key a line, without the organization's number, which is 1. With two tables, one operation is a get
// in each. Prints nanoseconds per operation of the second of two passes over all keys: in the first the system maps the
// pages, which the processes that this one stands beside have behind them as well.
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { char *text; size_t *starts; size_t count; MDB_dbi table; } keys_t;

static void fail(const char *what, int code) {
    fprintf(stderr, "bare-lmdb: %s: %s\n", what, mdb_strerror(code));
    exit(1);
}

static keys_t read_keys(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(1); }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    keys_t keys = { malloc(size + 1), NULL, 0, 0 };
    if (fread(keys.text, 1, size, file) != size) { perror(path); exit(1); }
    fclose(file);
    for (size_t i = 0; i < size; i++) keys.count += keys.text[i] == '\n';
    keys.starts = malloc((keys.count + 1) * sizeof(size_t));
    size_t n = 0;
    keys.starts[n++] = 0;
    for (size_t i = 0; i < size; i++) if (keys.text[i] == '\n') keys.starts[n++] = i + 1;
    return keys;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t get(MDB_txn *txn, const keys_t *keys, size_t i) {
    unsigned char buffer[512] = { 0, 0, 0, 1 };
    size_t length = keys->starts[i + 1] - keys->starts[i] - 1;
    memcpy(buffer + 4, keys->text + keys->starts[i], length);
    MDB_val key = { length + 4, buffer }, value;
    int code = mdb_get(txn, keys->table, &key, &value);
    if (code) fail("get", code);
    return ((const unsigned char *)value.mv_data)[1];
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 6) { fprintf(stderr, "usage: bare-lmdb VAULT TABLE KEYS [TABLE KEYS]\n"); return 2; }
    int sets = (argc - 2) / 2, code;
    MDB_env *env;
    MDB_txn *txn;
    if ((code = mdb_env_create(&env))) fail("create", code);
    mdb_env_set_maxdbs(env, 32);
    mdb_env_set_mapsize(env, (size_t)64 << 30);
    if ((code = mdb_env_open(env, argv[1], MDB_NOSUBDIR | MDB_RDONLY | MDB_NORDAHEAD, 0600))) fail(argv[1], code);
    if ((code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))) fail("begin", code);
    keys_t keys[2];
    for (int s = 0; s < sets; s++) {
        keys[s] = read_keys(argv[3 + 2 * s]);
        if ((code = mdb_dbi_open(txn, argv[2 + 2 * s], 0, &keys[s].table))) fail(argv[2 + 2 * s], code);
    }
    double each = 0;
    uint64_t sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        double start = now();
        for (size_t i = 0; i < keys[0].count; i++)
            for (int s = 0; s < sets; s++) sum += get(txn, &keys[s], i);
        each = (now() - start) / (double)keys[0].count;
    }
    printf("%.1f %llu\n", each, (unsigned long long)sum);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return 0;
}
