/* The floor that a supervisor is measured against: waits for the end of one program by pidfd and starts it
 * again by posix_spawn; nothing else. Ends, and kills the program, when its standard input ends.
 * usage: floor PROGRAM ARGUMENT */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    for (;;) {
        char *arguments[] = {argv[1], argv[2], NULL};
        pid_t child;
        if (posix_spawn(&child, argv[1], NULL, NULL, arguments, environ)) {
            perror("floor");
            return 1;
        }
        int notice = (int)syscall(SYS_pidfd_open, child, 0);
        struct pollfd watched[2] = {{.fd = notice, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (notice < 0 || poll(watched, 2, -1) < 0) {
            perror("floor");
            kill(child, SIGKILL);
            return 1;
        }
        if (watched[1].revents) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            return 0;
        }
        waitpid(child, NULL, 0);
        close(notice);
    }
}
