/* Writes down, in order, what a program does to the files below one folder.
 *
 * Loaded with LD_PRELOAD. CRASH_ROOT names the folder, CRASH_LOG the log, CRASH_ACK a file whose
 * writes are acknowledgements. One lock is held over each call and its entry, so that the order of
 * the log is the order of the calls. A sync is written down only once it has succeeded;
 * sync_file_range is not, because its manual promises nothing. Without CRASH_LOG nothing is written down.
 *
 * It also makes calls fail: CRASH_FAIL_AT names the one, counted from 1 over all calls below the folder
 * that change something (with EIO also those that open a file), CRASH_FAIL_WITH the error's number,
 * CRASH_FAIL_STAYS=1 that all later ones fail too. A write that fails has left half of its bytes. What
 * needs no room (removing a name, say) neither fails nor counts when the disk is full. The first failure
 * is told in the file CRASH_HIT, or how many calls there were; all end when the program opens the file
 * CRASH_HEAL.
 *
 * An entry: op (1), inode (8), offset (8), data length (4), path lengths (2 + 2), paths, data; all
 * little endian (the machine's order; recorder and replayer run on the same one). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, MKDIR, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, RENAME, UNLINK, RMDIR, ACK, SYNC_FAILED };

#define FDS_MAX 4096
enum { FD_NONE = 0, FD_FILE, FD_FOLDER, FD_ACK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char kinds[FDS_MAX];
static const char *root, *ack, *hit, *heal;
static int started, log_fd = -1;
static long fail_at, calls;
static int fail_with, fail_stays, was_hit;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char *what) {
    fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
    _exit(101);
}

static void start(void) {
    if (started) return;
    started = 1;
    root = getenv("CRASH_ROOT");
    ack = getenv("CRASH_ACK");
    if (!root || !ack) die("CRASH_ROOT and CRASH_ACK must be set");
    const char *path = getenv("CRASH_LOG"), *at = getenv("CRASH_FAIL_AT");
    if (path) {
        log_fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_fd < 0) die("cannot open the log");
    }
    if (at) {
        const char *with = getenv("CRASH_FAIL_WITH"), *stays = getenv("CRASH_FAIL_STAYS");
        hit = getenv("CRASH_HIT");
        heal = getenv("CRASH_HEAL");
        if (!with || !stays || !hit || !heal) die("the failure is not said whole");
        fail_at = atol(at);
        fail_with = atoi(with);
        fail_stays = atoi(stays);
    }
}

static void begin(void) {
    pthread_mutex_lock(&lock);
    start();
}

static void end(void) {
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
}

/* The program ends while other threads work. None of them may stop inside an entry, because the next
 * program appends to the same log: the lock is taken for good, after whoever holds it is done. */
__attribute__((destructor)) static void stop(void) { pthread_mutex_lock(&lock); }

static void put(const void *bytes, size_t length) {
    const char *from = bytes;
    while (length > 0) {
        ssize_t written = REAL(write)(log_fd, from, length);
        if (written < 0) die("cannot write the log");
        from += written;
        length -= (size_t)written;
    }
}

static void entry(uint8_t op, uint64_t inode, uint64_t offset, const char *one, const char *two,
                  const void *data, uint32_t length) {
    if (log_fd < 0) return;
    int saved = errno;
    char head[25];
    uint16_t one_length = one ? (uint16_t)strlen(one) : 0, two_length = two ? (uint16_t)strlen(two) : 0;
    head[0] = (char)op;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length, 4);
    memcpy(head + 21, &one_length, 2);
    memcpy(head + 23, &two_length, 2);
    put(head, sizeof head);
    if (one) put(one, one_length);
    if (two) put(two, two_length);
    if (data) put(data, length);
    errno = saved;
}

static int below(const char *path) {
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int kind_of(int fd) { return fd >= 0 && fd < FDS_MAX ? kinds[fd] : FD_NONE; }

static uint64_t inode_of(int fd) {
    struct stat meta;
    if (fstat(fd, &meta) != 0) die("cannot look at a file");
    return meta.st_ino;
}

/* Gives the absolute path of a name below a folder's descriptor. */
static void resolve(int folder, const char *name, char *full) {
    if (name[0] == '/' || folder == AT_FDCWD) {
        snprintf(full, PATH_MAX, "%s", name);
        return;
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, full, PATH_MAX / 2);
    if (length < 0) die("cannot resolve a folder");
    snprintf(full + length, PATH_MAX - (size_t)length, "/%s", name);
}

static void tell(const char *what, const char *which) {
    char said[PATH_MAX + 64];
    int length = snprintf(said, sizeof said, "%s %s", what, which);
    int fd = REAL(open)(hit, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || REAL(write)(fd, said, (size_t)length) != length) die("cannot say what failed");
    REAL(close)(fd);
}

/* Counts a call and says whether it is to fail. */
static int fails(const char *call, const char *path, int needs_room) {
    if (fail_at == 0 || (fail_with == ENOSPC && !needs_room)) return 0;
    calls++;
    if (calls != fail_at && !(fail_stays && calls > fail_at)) return 0;
    if (!was_hit) tell(call, path);
    was_hit = 1;
    errno = fail_with;
    return 1;
}

/* Ends the fault. Where none came, says how many calls there were. */
static void ended(void) {
    char count[32];
    snprintf(count, sizeof count, "%ld", calls);
    if (fail_at != 0 && !was_hit) tell("calls", count);
    fail_at = 0;
}

/* As fails, of an open file. */
static int fails_on(const char *call, int fd, int needs_room) {
    char path[PATH_MAX];
    if (fail_at == 0) return 0;
    resolve(fd, "", path);
    return fails(call, path, needs_room);
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    begin();
    resolve(folder, name, path);
    int ours = below(path), is_ack = strcmp(path, ack) == 0;
    int existed = ours && access(path, F_OK) == 0;
    if (heal && strcmp(path, heal) == 0) ended();
    if (ours && fails("open", path, !existed && (flags & O_CREAT))) {
        end();
        return -1;
    }
    int fd = REAL(openat)(folder, name, flags, mode);
    if (fd >= 0 && fd < FDS_MAX) {
        kinds[fd] = FD_NONE;
        if (is_ack) kinds[fd] = FD_ACK;
        if (ours) {
            struct stat meta;
            if (fstat(fd, &meta) != 0) die("cannot look at a file");
            kinds[fd] = S_ISDIR(meta.st_mode) ? FD_FOLDER : FD_FILE;
            if (!existed) entry(CREATE, meta.st_ino, 0, path, NULL, NULL, 0);
            else if (flags & O_TRUNC) entry(TRUNCATE, meta.st_ino, 0, NULL, NULL, NULL, 0);
        }
    }
    end();
    return fd;
}

#define MODE(flags, mode)                  \
    mode_t mode = 0;                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest;                      \
        va_start(rest, flags);             \
        mode = va_arg(rest, mode_t);       \
        va_end(rest);                      \
    }

int open(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags, mode) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags, mode) return opened(folder, path, flags, mode); }

int close(int fd) {
    begin();
    if (fd >= 0 && fd < FDS_MAX) kinds[fd] = FD_NONE;
    int done = REAL(close)(fd);
    end();
    return done;
}

/* Writes half of what is asked for, and fails. Ends the call. */
static ssize_t half(int fd, const void *data, size_t length, off64_t offset) {
    int saved = errno;
    ssize_t written = REAL(pwrite64)(fd, data, length / 2, offset);
    if (written > 0) entry(WRITE, inode_of(fd), (uint64_t)offset, NULL, NULL, data, (uint32_t)written);
    errno = saved;
    end();
    return -1;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (kind_of(fd) == FD_NONE) return REAL(write)(fd, data, length);
    begin();
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (kind_of(fd) == FD_FILE && fails_on("write", fd, 1)) return half(fd, data, length, offset);
    ssize_t written = REAL(write)(fd, data, length);
    if (written > 0 && kind_of(fd) == FD_ACK) entry(ACK, 0, 0, NULL, NULL, data, (uint32_t)written);
    if (written > 0 && kind_of(fd) == FD_FILE)
        entry(WRITE, inode_of(fd), (uint64_t)offset, NULL, NULL, data, (uint32_t)written);
    end();
    return written;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    if (kind_of(fd) == FD_NONE) return REAL(pwrite64)(fd, data, length, offset);
    begin();
    if (kind_of(fd) == FD_FILE && fails_on("pwrite", fd, 1)) return half(fd, data, length, offset);
    ssize_t written = REAL(pwrite64)(fd, data, length, offset);
    if (written > 0) entry(WRITE, inode_of(fd), (uint64_t)offset, NULL, NULL, data, (uint32_t)written);
    end();
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (kind_of(fd) == FD_NONE) return REAL(writev)(fd, parts, count);
    /* A short write is allowed; the caller goes on with the rest. */
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len > 0) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    if (kind_of(fd) == FD_NONE) return REAL(pwritev64)(fd, parts, count, offset);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len > 0) return pwrite64(fd, parts[part].iov_base, parts[part].iov_len, offset);
    return 0;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

int ftruncate64(int fd, off64_t length) {
    begin();
    struct stat meta;
    int grows = kind_of(fd) == FD_FILE && fstat(fd, &meta) == 0 && length > meta.st_size;
    if (kind_of(fd) == FD_FILE && fails_on("ftruncate", fd, grows)) {
        end();
        return -1;
    }
    int done = REAL(ftruncate64)(fd, length);
    if (done == 0 && kind_of(fd) == FD_FILE) entry(TRUNCATE, inode_of(fd), (uint64_t)length, NULL, NULL, NULL, 0);
    end();
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Growing by allocation is growing by truncation as far as contents go. */
static int allocated(int fd, int done, off64_t until) {
    struct stat meta;
    if (done == 0 && kind_of(fd) == FD_FILE && fstat(fd, &meta) == 0 && meta.st_size >= until)
        entry(TRUNCATE, meta.st_ino, (uint64_t)meta.st_size, NULL, NULL, NULL, 0);
    return done;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    begin();
    if (kind_of(fd) == FD_FILE && fails_on("fallocate", fd, 1)) {
        end();
        return -1;
    }
    int done = allocated(fd, REAL(fallocate64)(fd, mode, offset, length), offset + length);
    end();
    return done;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    begin();
    if (kind_of(fd) == FD_FILE && fails_on("posix_fallocate", fd, 1)) {
        int failed = errno;
        end();
        return failed;
    }
    int done = allocated(fd, REAL(posix_fallocate64)(fd, offset, length), offset + length);
    end();
    return done;
}

static void synced(int fd) {
    char path[PATH_MAX];
    if (kind_of(fd) == FD_FILE) entry(SYNC, inode_of(fd), 0, NULL, NULL, NULL, 0);
    if (kind_of(fd) == FD_FOLDER) {
        resolve(fd, "", path);
        path[strlen(path) - 1] = 0;
        entry(SYNC_FOLDER, 0, 0, path, NULL, NULL, 0);
    }
}

/* What was written before a sync that failed may never reach the disk, whatever is synced later. */
static int sync_fails(const char *call, int fd) {
    if (kind_of(fd) == FD_NONE || kind_of(fd) == FD_ACK || !fails_on(call, fd, 1)) return 0;
    if (kind_of(fd) == FD_FILE) entry(SYNC_FAILED, inode_of(fd), 0, NULL, NULL, NULL, 0);
    return 1;
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    begin();
    int done = sync_fails("sync_file_range", fd) ? -1 : REAL(sync_file_range)(fd, offset, length, flags);
    end();
    return done;
}

int fsync(int fd) {
    begin();
    int done = sync_fails("fsync", fd) ? -1 : REAL(fsync)(fd);
    if (done == 0) synced(fd);
    end();
    return done;
}

int fdatasync(int fd) {
    begin();
    int done = sync_fails("fdatasync", fd) ? -1 : REAL(fdatasync)(fd);
    if (done == 0) synced(fd);
    end();
    return done;
}

int rename(const char *from, const char *to) {
    begin();
    int done = below(from) && fails("rename", from, 1) ? -1 : REAL(rename)(from, to);
    if (done == 0 && below(from)) entry(RENAME, 0, 0, from, to, NULL, 0);
    end();
    return done;
}

int unlink(const char *path) {
    begin();
    int done = below(path) && fails("unlink", path, 0) ? -1 : REAL(unlink)(path);
    if (done == 0 && below(path)) entry(UNLINK, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    begin();
    resolve(folder, name, path);
    int done = below(path) && fails("unlinkat", path, 0) ? -1 : REAL(unlinkat)(folder, name, flags);
    if (done == 0 && below(path)) entry(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int rmdir(const char *path) {
    begin();
    int done = below(path) && fails("rmdir", path, 0) ? -1 : REAL(rmdir)(path);
    if (done == 0 && below(path)) entry(RMDIR, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int mkdir(const char *path, mode_t mode) {
    begin();
    int done = below(path) && fails("mkdir", path, access(path, F_OK) != 0) ? -1 : REAL(mkdir)(path, mode);
    if (done == 0 && below(path)) entry(MKDIR, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}
