// A client for what redis-benchmark can't send: every request a new person, and requests at a given rate.
//
// usage: respload PORT CONNECTIONS SECONDS RATE FIRST WORD...
// Each connection has one request under way at a time. `{8}` in a word stands for the request's number in 8 digits, the
// first being FIRST, and `{~8}` for one that belongs to it alone, anywhere among all that don't begin with two zeros: as
// people come, and not one next to the other. With RATE 0 the next request follows the answer; otherwise so many a second
// are due, and a latency counts from when its request was due, so that a stall is told of by all whom it kept waiting.
// Prints: requests a second, median and 99th percentile in milliseconds, answers that say "created", errors, answers that
// are nothing, all answers.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_BYTES_MAX = 64 << 10, REQUEST_BYTES_MAX = 4 << 10 };

typedef struct {
    int socket;
    double due;
    size_t length;
    int isBusy;
    char reply[REPLY_BYTES_MAX];
} connection_t;

static double *latencies;
static size_t count, room;
static uint64_t created, errors, nothing;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_connection(int port) {
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return s;
}

// Writes a word with the number in place of `{digits}` or `{~digits}`.
static size_t fill(char *out, size_t size, const char *word, uint64_t number) {
    const char *open = strchr(word, '{');
    if (!open) return (size_t)snprintf(out, size, "%s", word);
    int isSpread = open[1] == '~', digits = atoi(open + 1 + isSpread);
    uint64_t modulus = 1;
    for (int i = 0; i < digits; i++) modulus *= 10;
    if (isSpread) {
        // A prime that divides none of these counts visits every number once.
        uint64_t first = modulus / 100, rest = modulus - first;
        number = first + (uint64_t)((unsigned __int128)number * 2654435761u % rest);
    }
    return (size_t)snprintf(
        out, size, "%.*s%0*llu%s", (int)(open - word), word, digits, (unsigned long long)(number % modulus),
        strchr(open, '}') + 1);
}

static void send_request(connection_t *c, char **words, int wordCount, uint64_t number) {
    char request[REQUEST_BYTES_MAX], word[1024];
    size_t length = (size_t)sprintf(request, "*%d\r\n", wordCount);
    for (int i = 0; i < wordCount; i++) {
        size_t bytes = fill(word, sizeof word, words[i], number);
        length += (size_t)snprintf(request + length, sizeof request - length, "$%zu\r\n%s\r\n", bytes, word);
    }
    if (send(c->socket, request, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
    c->isBusy = 1;
    c->length = 0;
}

// The end of the reply that starts at `at`, or 0 where it is not there yet.
static size_t reply_end(const char *bytes, size_t length, size_t at) {
    const char *line = at < length ? memchr(bytes + at, '\n', length - at) : NULL;
    if (!line) return 0;
    size_t end = (size_t)(line - bytes) + 1;
    long n = atol(bytes + at + 1);
    switch (bytes[at]) {
    case '$': case '=': return n < 0 ? end : end + (size_t)n + 2 <= length ? end + (size_t)n + 2 : 0;
    case '%': n *= 2; break;
    case '*': case '~': break;
    default: return end;
    }
    for (long i = 0; i < n && end; i++) end = reply_end(bytes, length, end);
    return end;
}

static void note(connection_t *c, double at) {
    if (count == room) {
        room = room ? room * 2 : 1 << 16;
        latencies = realloc(latencies, room * sizeof *latencies);
    }
    latencies[count++] = at - c->due;
    if (c->reply[0] == '-') errors++;
    if (memmem(c->reply, c->length, "created", 7)) created++;
    if (c->reply[0] == '_' || memcmp(c->reply, "$-1", 3) == 0) nothing++;
    c->isBusy = 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 7) return fprintf(stderr, "usage: respload PORT CONNECTIONS SECONDS RATE FIRST WORD...\n"), 2;
    int port = atoi(argv[1]), connections = atoi(argv[2]), wordCount = argc - 6;
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    uint64_t number = strtoull(argv[5], NULL, 10);
    connection_t *all = calloc((size_t)connections, sizeof *all);
    int loop = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i].socket = open_connection(port);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &all[i] };
        epoll_ctl(loop, EPOLL_CTL_ADD, all[i].socket, &event);
    }
    // The system would wake a sleeper up to 50 microseconds late, and that is no part of a latency.
    prctl(PR_SET_TIMERSLACK, 1);
    double start = now(), end = start + seconds, due = start;
    int next = 0;
    for (double at = start; at < end; at = now()) {
        // With a rate, whoever is free takes what is due, in turn; without one everybody goes on at once.
        for (int tried = 0; tried < connections && (rate == 0 || due <= at); tried++, next = (next + 1) % connections) {
            if (all[next].isBusy) continue;
            all[next].due = rate == 0 ? at : due;
            due += rate == 0 ? 0 : 1 / rate;
            send_request(&all[next], argv + 6, wordCount, number++);
        }
        struct epoll_event events[256];
        // Not in milliseconds: at thousands a second that would be to spin, on a core that the server shares. Where all
        // are busy, only an answer can change that.
        double wait = rate > 0 && due > at ? due - at : 0.1;
        struct timespec timeout = { .tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9) };
        int ready = epoll_pwait2(loop, events, 256, &timeout, NULL);
        if (ready < 0 && errno != EINTR) fail("epoll_pwait2");
        for (int i = 0; i < ready; i++) {
            connection_t *c = events[i].data.ptr;
            ssize_t got = recv(c->socket, c->reply + c->length, REPLY_BYTES_MAX - c->length, 0);
            if (got <= 0) fail("recv");
            c->length += (size_t)got;
            if (reply_end(c->reply, c->length, 0)) note(c, now());
        }
    }
    double took = now() - start;
    if (!count) return fprintf(stderr, "respload: no answer\n"), 1;
    qsort(latencies, count, sizeof *latencies, ascending);
    printf(
        "%.0f %.3f %.3f %llu %llu %llu %zu\n", (double)count / took, latencies[count / 2] * 1e3,
        latencies[count * 99 / 100] * 1e3, (unsigned long long)created, (unsigned long long)errors,
        (unsigned long long)nothing, count);
    return 0;
}
