/*
 * Kills a database server in the middle of one page write, so that the tear is genuine.
 *
 * Preloaded into the server, it watches the write calls.  Once the arming file exists, the Nth write
 * that matches is cut: only bytes FROM..TO of it reach the file, and the process dies by SIGKILL.
 * Every other write has either finished by then or never starts, so this tear is the only one.
 *
 *   DBLWR_INJECT_FILE    end of the path of the file, as in "/d/t1.ibd"; or "*.dblwr" for any such end
 *   DBLWR_INJECT_ARM     path; matching writes count once this file exists
 *   DBLWR_INJECT_NTH     which matching write to cut, from 1 on
 *   DBLWR_INJECT_LO, _HI only writes that touch bytes LO..HI-1 of the file count (0 and 0: all)
 *   DBLWR_INJECT_MINLEN  only writes of at least so many bytes count
 *   DBLWR_INJECT_FROM, _TO   the bytes of the write that arrive, counted from its start, or from LO where
 *                        the write begins before LO (what lies before LO then arrives too)
 *   DBLWR_INJECT_UNIT    page size; in a write shorter than that FROM and TO shrink in proportion
 *   DBLWR_INJECT_MODE    "tear" (default), or "drop": the write is lost, reported to the server as
 *                        done, and the server lives on; or "record": nothing is cut, every matching
 *                        write is noted (NTH is ignored)
 *   DBLWR_INJECT_REPORT  path: one line of text; what should have arrived is in PATH.new, what lay
 *                        there before in PATH.old.  Recorded writes: each a line as in "path offset=1
 *                        len=2", and its bytes behind that
 *
 * All work is done by raw system calls, and no libc symbol younger than 2.2.5 is used: the library is
 * built on one machine and loaded into servers that bring a much older C library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int configured;          /* 0 not yet, 1 yes, -1 nothing to do */
static const char *suffix, *arm, *report;
static long nth, lo, hi, min_len, from, to, unit;
static int drop, record;
static long seen;               /* matching writes since armed */
static int in_flight;           /* writes between enter() and leave() */
static volatile int closing;    /* set by the write that is being cut */
static volatile int done;       /* a drop has happened */

static long env_number(const char *name)
{
    const char *text = getenv(name);
    long value = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (*text - '0');
    return value;
}

static void configure(void)
{
    const char *mode = getenv("DBLWR_INJECT_MODE");
    suffix = getenv("DBLWR_INJECT_FILE");
    arm = getenv("DBLWR_INJECT_ARM");
    report = getenv("DBLWR_INJECT_REPORT");
    nth = env_number("DBLWR_INJECT_NTH");
    lo = env_number("DBLWR_INJECT_LO");
    hi = env_number("DBLWR_INJECT_HI");
    min_len = env_number("DBLWR_INJECT_MINLEN");
    from = env_number("DBLWR_INJECT_FROM");
    to = env_number("DBLWR_INJECT_TO");
    unit = env_number("DBLWR_INJECT_UNIT");
    drop = mode && strcmp(mode, "drop") == 0;
    record = mode && strcmp(mode, "record") == 0;
    configured = suffix && arm && report ? 1 : -1;
}

/* The path of an open file; 0 if it has none. */
static int path_of(int fd, char *path, size_t size)
{
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int n = 0, at = 14;
    do
        digits[n++] = '0' + fd % 10;
    while ((fd /= 10) > 0);
    while (n > 0)
        link[at++] = digits[--n];
    link[at] = 0;
    long got = syscall(SYS_readlink, link, path, size - 1);
    if (got <= 0)
        return 0;
    path[got] = 0;
    return 1;
}

static int ends_with(const char *path, const char *end)
{
    size_t have = strlen(path), want = strlen(end);
    if (*end == '*')
        end++, want--;
    return have >= want && strcmp(path + have - want, end) == 0;
}

static int matches(int fd, size_t len, off_t offset, char *path, size_t size)
{
    if (configured < 0 || done || (long)len < min_len || !path_of(fd, path, size))
        return 0;
    if (!ends_with(path, suffix) || (hi && (offset >= hi || offset + (off_t)len <= lo)))
        return 0;
    return syscall(SYS_access, arm, F_OK) == 0 && (record || __sync_add_and_fetch(&seen, 1) == nth);
}

static void put_text(char *line, const char *text) { strcat(line, text); }

static void put_number(char *line, long value)
{
    char digits[24], *at = digits + 23;
    *at = 0;
    do
        *--at = '0' + value % 10;
    while ((value /= 10) > 0);
    strcat(line, at);
}

static void save(const char *name_end, const char *bytes, size_t len)
{
    char name[4096 + 8];
    strcpy(name, report);
    strcat(name, name_end);
    int fd = syscall(SYS_open, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    syscall(SYS_write, fd, bytes, len);
    syscall(SYS_close, fd);
}

static char before[1 << 22];

static void cut(const char *bytes, size_t len, off_t offset, const char *path)
{
    char line[4096 + 200] = "";
    long base = lo > offset ? lo - offset : 0;
    long first = from, last = to;
    if ((long)len < unit) {
        first = from * (long)len / unit / 512 * 512;
        last = to * (long)len / unit / 512 * 512;
        last = last > first ? last : first + 512;
    }
    long begin = base + first;
    long end = base + last > (long)len ? (long)len : base + last;
    /* A descriptor of our own: the server's may want aligned (O_DIRECT) transfers. */
    int own = syscall(SYS_open, path, O_RDWR);
    long old = syscall(SYS_pread64, own, before, len < sizeof before ? len : sizeof before, offset);
    save(".new", bytes, len);
    save(".old", before, old > 0 ? old : 0);
    if (!drop && base > 0)
        syscall(SYS_pwrite64, own, bytes, base, offset);
    if (!drop && end > begin)
        syscall(SYS_pwrite64, own, bytes + begin, end - begin, offset + begin);
    put_text(line, path);
    put_text(line, " offset="), put_number(line, offset);
    put_text(line, " len="), put_number(line, len);
    put_text(line, drop ? " lost=" : " written="), put_number(line, drop ? 0 : begin);
    put_text(line, ".."), put_number(line, drop ? (long)len : end);
    put_text(line, "\n");
    save("", line, strlen(line));
    syscall(SYS_close, own);
}

/* One system call for line and bytes, so that the notes of two threads do not mix. */
static void note(const char *bytes, size_t len, off_t offset, const char *path)
{
    char line[4096 + 100] = "";
    put_text(line, path);
    put_text(line, " offset="), put_number(line, offset);
    put_text(line, " len="), put_number(line, len);
    put_text(line, "\n");
    struct iovec parts[2] = {{line, strlen(line)}, {(void *)bytes, len}};
    int fd = syscall(SYS_open, report, O_WRONLY | O_CREAT | O_APPEND, 0600);
    syscall(SYS_writev, fd, parts, 2);
    syscall(SYS_close, fd);
}

static void enter(void)
{
    if (!configured)
        configure();
    for (;;) {
        __sync_add_and_fetch(&in_flight, 1);
        if (!closing)
            return;
        __sync_sub_and_fetch(&in_flight, 1);
        while (closing)
            usleep(100);
    }
}

static void leave(void) { __sync_sub_and_fetch(&in_flight, 1); }

/* Called between enter() and leave(): cuts this write if it is the one; 1 if it was dropped. */
static int judge(int fd, const char *bytes, size_t len, off_t offset)
{
    char path[4096];
    if (!matches(fd, len, offset, path, sizeof path))
        return 0;
    if (record) {
        note(bytes, len, offset, path);
        return 0;
    }
    if (drop) {
        done = 1;
        cut(bytes, len, offset, path);
        return 1;
    }
    closing = 1;
    while (__sync_add_and_fetch(&in_flight, 0) > 1)
        usleep(10);
    cut(bytes, len, offset, path);
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        pause();
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    enter();
    ssize_t got = judge(fd, bytes, len, offset) ? (ssize_t)len : syscall(SYS_pwrite64, fd, bytes, len, offset);
    leave();
    return got;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) { return pwrite64(fd, bytes, len, offset); }

ssize_t write(int fd, const void *bytes, size_t len)
{
    enter();
    off_t offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t got = offset >= 0 && judge(fd, bytes, len, offset) ? (ssize_t)len : syscall(SYS_write, fd, bytes, len);
    leave();
    return got;
}

/* Part by part, so that each one can be cut. */
ssize_t pwritev(int fd, const struct iovec *part, int count, off_t offset)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t got = pwrite64(fd, part[i].iov_base, part[i].iov_len, offset + total);
        if (got < 0)
            return total ? total : got;
        total += got;
        if ((size_t)got < part[i].iov_len)
            break;
    }
    return total;
}
