#include <postgresql/libpq-fe.h>
#include <stdlib.h>

#include "common.h"

// The longest email, phone or name of the people that are made up, with the byte after it.
enum { kTextBytes = 512, kCopyBytes = 1 << 20 };

struct peer_postgres {
    PGconn *connection;
};

static bool is_done(PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool prepare(peer_postgres *postgres, const char *name, const char *sql, int count, char *error) {
    // libpq needs the statement once a connection.
    PGresult *known = PQdescribePrepared(postgres->connection, name);
    bool is_known = is_done(known);
    PQclear(known);
    if (is_known) return true;
    PGresult *result = PQprepare(postgres->connection, name, sql, count, NULL);
    bool done = is_done(result) || fail(error, PQresultErrorMessage(result));
    PQclear(result);
    return done;
}

peer_postgres *peer_postgres_open(const char *conninfo, char *error) {
    peer_postgres *postgres = calloc(1, sizeof *postgres);
    if (!postgres) return fail(error, NULL), NULL;
    postgres->connection = PQconnectdb(conninfo);
    if (PQstatus(postgres->connection) == CONNECTION_OK) return postgres;
    fail(error, PQerrorMessage(postgres->connection));
    peer_postgres_close(postgres);
    return NULL;
}

void peer_postgres_close(peer_postgres *postgres) {
    if (!postgres) return;
    PQfinish(postgres->connection);
    free(postgres);
}

bool peer_postgres_run(peer_postgres *postgres, const char *sql, char *value, size_t capacity, char *error) {
    PGresult *result = PQexec(postgres->connection, sql);
    bool done = is_done(result) || fail(error, PQresultErrorMessage(result));
    bool has_value = done && PQntuples(result) > 0 && PQnfields(result) > 0;
    snprintf(value, capacity, "%s", has_value ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return done;
}

bool peer_postgres_copy(peer_postgres *postgres, const char *sql, const char *rows, size_t length, char *error) {
    PGresult *result = PQexec(postgres->connection, sql);
    bool began = PQresultStatus(result) == PGRES_COPY_IN || fail(error, PQresultErrorMessage(result));
    PQclear(result);
    if (!began) return false;
    for (size_t sent = 0; sent < length; sent += kCopyBytes) {
        size_t count = length - sent < kCopyBytes ? length - sent : kCopyBytes;
        if (PQputCopyData(postgres->connection, rows + sent, (int)count) != 1)
            return fail(error, PQerrorMessage(postgres->connection));
    }
    if (PQputCopyEnd(postgres->connection, NULL) != 1) return fail(error, PQerrorMessage(postgres->connection));
    result = PQgetResult(postgres->connection);
    bool done = is_done(result) || fail(error, PQresultErrorMessage(result));
    PQclear(result);
    while ((result = PQgetResult(postgres->connection))) PQclear(result);
    return done;
}

/// Copies a text into a buffer that ends in NUL, as libpq wants its parameters.
static const char *parameter(const peer_texts *texts, size_t i, char *buffer) {
    size_t count = length(texts, i) < kTextBytes ? length(texts, i) : kTextBytes - 1;
    memcpy(buffer, text(texts, i), count);
    buffer[count] = 0;
    return buffer;
}

bool peer_postgres_find(
    peer_postgres *postgres, const char *column, const peer_texts *keys, peer_work *work, char *error) {
    char sql[128], name[32], buffer[kTextBytes];
    snprintf(sql, sizeof sql, "SELECT id FROM identities WHERE %s = $1", column);
    snprintf(name, sizeof name, "find_%s", column);
    if (!prepare(postgres, name, sql, 1, error)) return false;
    double start = now(), last = start;
    for (size_t i = 0; i < keys->count; i++) {
        const char *values[1] = {parameter(keys, i, buffer)};
        PGresult *result = PQexecPrepared(postgres->connection, name, 1, values, NULL, NULL, 1);
        bool done = is_done(result) || fail(error, PQresultErrorMessage(result));
        work->found += done && PQntuples(result) == 1;
        PQclear(result);
        if (!done) return false;
        note(work, i, &last);
    }
    work->nanoseconds += now() - start;
    return true;
}

bool peer_postgres_resolve(
    peer_postgres *postgres, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, peer_work *work, char *error) {
    char id[kTextBytes], email[kTextBytes], phone[kTextBytes], name[kTextBytes];
    if (!prepare(postgres, "resolve", "SELECT created FROM find_or_create($1, $2, $3, $4)", 4, error)) return false;
    double start = now(), last = start;
    for (size_t i = 0; i < emails->count; i++) {
        const char *values[4] = {
            parameter(ids, i, id), parameter(emails, i, email), parameter(phones, i, phone), parameter(names, i, name)};
        PGresult *result = PQexecPrepared(postgres->connection, "resolve", 4, values, NULL, NULL, 0);
        bool done = is_done(result) || fail(error, PQresultErrorMessage(result));
        if (done && PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't') work->created++;
        else if (done) work->found++;
        PQclear(result);
        if (!done) return false;
        note(work, i, &last);
    }
    work->nanoseconds += now() - start;
    return true;
}
