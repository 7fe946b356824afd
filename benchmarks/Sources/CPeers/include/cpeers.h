// Loops over the client libraries of Redis and PostgreSQL, in C, so that a client's language is no part of what is
// measured. Each connection is used by one thread at a time. Functions that can fail write a line into `error`.
#ifndef CPEERS_H
#define CPEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_ERROR_BYTES 256

/// Texts one after the other: the i-th begins at `starts[i]` and ends before `starts[i + 1]`.
typedef struct {
    const char *bytes;
    const size_t *starts;
    size_t count;
} peer_texts;

/// What a loop of finds and creates did.
typedef struct {
    double nanoseconds;
    /// Where the nanoseconds of each single operation go; NULL where nobody wants them.
    double *each;
    size_t found;
    size_t created;
} peer_work;

typedef struct peer_redis peer_redis;
typedef struct peer_postgres peer_postgres;

// Redis: email and phone are keys, "e:..." and "p:...", whose value is the identity's id; "i:<id>" is a hash.

peer_redis *peer_redis_open(const char *socket_path, char *error);
void peer_redis_close(peer_redis *redis);
/// Runs one command without arguments of its own, and copies the reply's text.
bool peer_redis_command(peer_redis *redis, const char *command, char *reply, size_t capacity, char *error);
/// Sets the keys of all people, many requests under way.
bool peer_redis_load(
    peer_redis *redis, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, char *error);
/// GET of each key; `prefix` is "e:" or "p:".
bool peer_redis_find(peer_redis *redis, const char *prefix, const peer_texts *keys, peer_work *work, char *error);
/// One script that finds by email, then by phone, and creates otherwise.
bool peer_redis_resolve(
    peer_redis *redis, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, peer_work *work, char *error);

// PostgreSQL: a table of identities with two unique indexes.

peer_postgres *peer_postgres_open(const char *conninfo, char *error);
void peer_postgres_close(peer_postgres *postgres);
/// Runs statements, and copies the first value of the last one that has any.
bool peer_postgres_run(peer_postgres *postgres, const char *sql, char *value, size_t capacity, char *error);
/// COPY from the text that `rows` holds, in the text format.
bool peer_postgres_copy(peer_postgres *postgres, const char *sql, const char *rows, size_t length, char *error);
/// A prepared SELECT by one value; `column` is "email" or "phone".
bool peer_postgres_find(
    peer_postgres *postgres, const char *column, const peer_texts *keys, peer_work *work, char *error);
/// A prepared call of the function `find_or_create(id, email, phone, name)`, each in a transaction of its own.
bool peer_postgres_resolve(
    peer_postgres *postgres, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, peer_work *work, char *error);

#endif
