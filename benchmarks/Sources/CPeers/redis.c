#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "common.h"

// Requests under way while loading.
enum { kWindow = 256 };

struct peer_redis {
    redisContext *context;
    char script[41];
};

static const char kResolve[] =
    "local id = redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2]) "
    "if id then return {0, id} end "
    "redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], ARGV[1]) "
    "redis.call('HSET', 'i:' .. ARGV[1], 'email', KEYS[1], 'phone', KEYS[2], 'name', ARGV[2]) "
    "return {1, ARGV[1]}";

static bool check(peer_redis *redis, redisReply *reply, char *error) {
    if (!reply) return fail(error, redis->context->errstr);
    if (reply->type == REDIS_REPLY_ERROR) return fail(error, reply->str);
    return true;
}

peer_redis *peer_redis_open(const char *socket_path, char *error) {
    peer_redis *redis = calloc(1, sizeof *redis);
    if (!redis) return fail(error, NULL), NULL;
    redis->context = redisConnectUnix(socket_path);
    if (!redis->context || redis->context->err) {
        fail(error, redis->context ? redis->context->errstr : NULL);
        return peer_redis_close(redis), NULL;
    }
    redisReply *reply = redisCommand(redis->context, "SCRIPT LOAD %s", kResolve);
    bool loaded = check(redis, reply, error);
    if (loaded) snprintf(redis->script, sizeof redis->script, "%s", reply->str);
    if (reply) freeReplyObject(reply);
    if (!loaded) return peer_redis_close(redis), NULL;
    return redis;
}

void peer_redis_close(peer_redis *redis) {
    if (!redis) return;
    if (redis->context) redisFree(redis->context);
    free(redis);
}

bool peer_redis_command(peer_redis *redis, const char *command, char *out, size_t capacity, char *error) {
    redisReply *reply = redisCommand(redis->context, command);
    bool done = check(redis, reply, error);
    if (done) snprintf(out, capacity, "%s", reply->str ? reply->str : "");
    if (reply) freeReplyObject(reply);
    return done;
}

static bool take(peer_redis *redis, size_t count, char *error) {
    while (count-- > 0) {
        redisReply *reply = NULL;
        if (redisGetReply(redis->context, (void **)&reply) != REDIS_OK) return fail(error, redis->context->errstr);
        bool done = check(redis, reply, error);
        freeReplyObject(reply);
        if (!done) return false;
    }
    return true;
}

bool peer_redis_load(
    peer_redis *redis, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, char *error) {
    size_t under_way = 0;
    for (size_t i = 0; i < ids->count; i++) {
        redisAppendCommand(
            redis->context, "MSET e:%b %b p:%b %b", text(emails, i), length(emails, i), text(ids, i), length(ids, i),
            text(phones, i), length(phones, i), text(ids, i), length(ids, i));
        redisAppendCommand(
            redis->context, "HSET i:%b email %b phone %b name %b", text(ids, i), length(ids, i), text(emails, i),
            length(emails, i), text(phones, i), length(phones, i), text(names, i), length(names, i));
        under_way += 2;
        if (under_way < kWindow) continue;
        if (!take(redis, under_way, error)) return false;
        under_way = 0;
    }
    return take(redis, under_way, error);
}

bool peer_redis_find(peer_redis *redis, const char *prefix, const peer_texts *keys, peer_work *work, char *error) {
    char key[512];
    size_t prefix_length = strlen(prefix);
    memcpy(key, prefix, prefix_length);
    const char *argv[2] = {"GET", key};
    size_t lengths[2] = {3, 0};
    double start = now(), last = start;
    for (size_t i = 0; i < keys->count; i++) {
        memcpy(key + prefix_length, text(keys, i), length(keys, i));
        lengths[1] = prefix_length + length(keys, i);
        redisReply *reply = redisCommandArgv(redis->context, 2, argv, lengths);
        if (!check(redis, reply, error)) {
            if (reply) freeReplyObject(reply);
            return false;
        }
        work->found += reply->type == REDIS_REPLY_STRING;
        freeReplyObject(reply);
        note(work, i, &last);
    }
    work->nanoseconds += now() - start;
    return true;
}

bool peer_redis_resolve(
    peer_redis *redis, const peer_texts *ids, const peer_texts *emails, const peer_texts *phones,
    const peer_texts *names, peer_work *work, char *error) {
    double start = now(), last = start;
    for (size_t i = 0; i < ids->count; i++) {
        redisReply *reply = redisCommand(
            redis->context, "EVALSHA %s 2 e:%b p:%b %b %b", redis->script, text(emails, i), length(emails, i),
            text(phones, i), length(phones, i), text(ids, i), length(ids, i), text(names, i), length(names, i));
        if (!check(redis, reply, error)) {
            if (reply) freeReplyObject(reply);
            return false;
        }
        if (reply->type == REDIS_REPLY_ARRAY && reply->element[0]->integer == 1) work->created++;
        else work->found++;
        freeReplyObject(reply);
        note(work, i, &last);
    }
    work->nanoseconds += now() - start;
    return true;
}
