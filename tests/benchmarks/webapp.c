/* The application that is supervised: answers every HTTP request with "hostname pid".
 * usage: webapp PORT.  Starts in about a millisecond, so that what is measured is the
 * cluster manager and not the application. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char host[64], buf[4096];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080)};
    struct timeval patience = {.tv_usec = 200000};   /* a cut-off client must not block the others */
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 128)) {
        perror("webapp");
        return 1;
    }
    gethostname(host, sizeof host);
    for (;;) {
        int c = accept(l, NULL, NULL);
        if (c < 0)
            continue;
        setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (read(c, buf, sizeof buf) > 0) {
            int n = snprintf(buf, sizeof buf, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n%s %d\n", host, (int)getpid());
            if (write(c, buf, n) < 0) { }
            shutdown(c, SHUT_WR);
        }
        close(c);
    }
}
