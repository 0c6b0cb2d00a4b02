/* A wall clock of a lab host's own: CLOCK_REALTIME is ahead by the seconds in a shared file, every other clock is the
 * kernel's. Preloaded into the programs of a unit; the number may change while they run.
 *
 * libfaketime does not do here: with the monotonic clocks left alone its clock_nanosleep() fails with EINVAL for an
 * absolute time, which is how Python sleeps, and programs in Go ask the kernel's vDSO past every library. So this is
 * built twice: as the library, and with -DVDSO as the vDSO that the library names to the program before Go's runtime
 * looks for one. Environment: WALLCLOCK the file (one 64-bit number), WALLCLOCK_VDSO the second build.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PLACE ((void *)0x200000000000) /* in every process, so that the vDSO needs no data of its own */
#define AHEAD (*(volatile const int64_t *)PLACE)

static inline long ask_kernel(clockid_t id, struct timespec *found) {
    long result = SYS_clock_gettime;
    __asm__ volatile("syscall" : "+a"(result) : "D"((long)id), "S"(found) : "rcx", "r11", "memory");
    return result;
}

static inline long ask(clockid_t id, struct timespec *found) {
    long result = ask_kernel(id, found);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        found->tv_sec += AHEAD;
    return result;
}

#ifdef VDSO

int __vdso_clock_gettime(clockid_t id, struct timespec *found) { return (int)ask(id, found); }

#else

#include <errno.h>

int clock_gettime(clockid_t id, struct timespec *found) {
    long result = ask(id, found);
    if (result == 0)
        return 0;
    errno = (int)-result;
    return -1;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    struct timespec now;
    (void)zone;
    ask(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *found) {
    struct timespec now;
    ask(CLOCK_REALTIME, &now);
    if (found)
        *found = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *found, int base) {
    return base == TIME_UTC && ask(CLOCK_REALTIME, found) == 0 ? base : 0;
}

/* Maps a whole file; a page of zeros at the asked place, or nothing, where there is none. */
static void *map(const char *name, void *place, int kind, int protection) {
    struct stat about;
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *found = MAP_FAILED;
    if (file >= 0 && fstat(file, &about) == 0)
        found = mmap(place, about.st_size, protection, kind, file, 0);
    if (file >= 0)
        close(file);
    if (found == MAP_FAILED && place)
        found = mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return found;
}

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment) {
    Elf64_auxv_t *entry;
    void *vdso;
    (void)count, (void)arguments;
    if (map(getenv("WALLCLOCK"), PLACE, MAP_SHARED | MAP_FIXED_NOREPLACE, PROT_READ) != PLACE)
        abort();
    vdso = map(getenv("WALLCLOCK_VDSO"), NULL, MAP_PRIVATE, PROT_READ | PROT_EXEC);
    while (*environment)
        environment++;
    for (entry = (Elf64_auxv_t *)(environment + 1); entry->a_type != AT_NULL; entry++)
        if (entry->a_type == AT_SYSINFO_EHDR && vdso != MAP_FAILED)
            entry->a_un.a_val = (uint64_t)vdso;
}

#endif
