/* The service under test, and its own witness: every 10 ms it writes (host, epoch, process, monotonic time) to the
 * shared disk, and it answers every HTTP request with "HOST PID EPOCH".
 * usage: witness DEVICE PORT, on a host whose name is a letter and its number. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 512, SLOTS = 65536, BEAT = 10 * 1000 * 1000 }; /* as in witness.py */

struct record {
    char magic[8];
    uint32_t host, process;
    uint64_t epoch, nanoseconds;
};

static char name[64];
static unsigned long epoch;

/* The slot follows from the time, so that no life of the witness needs to know where the one before it stopped. */
static void *beat(void *device)
{
    struct record *now;
    struct timespec t;
    int fd = open(device, O_WRONLY | O_DIRECT);
    uint64_t host = strtoul(name + 1, NULL, 10);
    if (fd < 0 || posix_memalign((void **)&now, 4096, RECORD)) {
        perror(device);
        exit(1);
    }
    memset(now, 0, RECORD);
    memcpy(now->magic, "witness", 8);
    now->host = host;
    now->process = getpid();
    now->epoch = epoch;
    clock_gettime(CLOCK_MONOTONIC, &t);
    for (;;) {
        struct timespec seen;
        clock_gettime(CLOCK_MONOTONIC, &seen);
        now->nanoseconds = seen.tv_sec * 1000000000ull + seen.tv_nsec;
        uint64_t slot = now->nanoseconds / BEAT % SLOTS;
        if (pwrite(fd, now, RECORD, (host * SLOTS + slot) * RECORD) != RECORD)
            perror(device);
        t.tv_nsec += BEAT;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        if (t.tv_sec + 1 < seen.tv_sec)
            t = seen; /* it stood still: no burst */
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char buffer[4096];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(argc > 2 ? atoi(argv[2]) : 8080)};
    struct timeval patience = {.tv_usec = 200000}; /* a client that is cut off must not block the others */
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t writer;
    const char *told = getenv("CLUSTER_GROUP_EPOCH");
    epoch = told ? strtoul(told, NULL, 10) : 0;
    gethostname(name, sizeof name);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (argc < 2 || bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 128)) {
        perror("witness");
        return 1;
    }
    if (pthread_create(&writer, NULL, beat, argv[1]))
        return 1;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (read(client, buffer, sizeof buffer) > 0) {
            int length = snprintf(buffer, sizeof buffer, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n%s %d %lu\n",
                                  name, (int)getpid(), epoch);
            if (write(client, buffer, length) < 0) {
            }
            shutdown(client, SHUT_WR);
        }
        close(client);
    }
}
