/* Writes down, in order, what a program does to the files below one folder.
 *
 * Loaded with LD_PRELOAD. CRASH_ROOT names the folder, CRASH_LOG the log, CRASH_ACK a file whose
 * writes are acknowledgements. One lock is held over each call and its entry, so that the order of
 * the log is the order of the calls. A sync is written down only once it has succeeded;
 * sync_file_range is not, because its manual promises nothing.
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

enum { CREATE = 1, MKDIR, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, RENAME, UNLINK, RMDIR, ACK };

#define FDS_MAX 4096
enum { FD_NONE = 0, FD_FILE, FD_FOLDER, FD_ACK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char kinds[FDS_MAX];
static const char *root, *ack;
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char *what) {
    fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
    _exit(101);
}

static void start(void) {
    if (log_fd >= 0) return;
    root = getenv("CRASH_ROOT");
    ack = getenv("CRASH_ACK");
    const char *path = getenv("CRASH_LOG");
    if (!root || !ack || !path) die("CRASH_ROOT, CRASH_ACK and CRASH_LOG must be set");
    log_fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) die("cannot open the log");
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

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    begin();
    resolve(folder, name, path);
    int ours = below(path), is_ack = strcmp(path, ack) == 0;
    int existed = ours && access(path, F_OK) == 0;
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

ssize_t write(int fd, const void *data, size_t length) {
    if (kind_of(fd) == FD_NONE) return REAL(write)(fd, data, length);
    begin();
    off_t offset = lseek(fd, 0, SEEK_CUR);
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
    int done = allocated(fd, REAL(fallocate64)(fd, mode, offset, length), offset + length);
    end();
    return done;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    begin();
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

int fsync(int fd) {
    begin();
    int done = REAL(fsync)(fd);
    if (done == 0) synced(fd);
    end();
    return done;
}

int fdatasync(int fd) {
    begin();
    int done = REAL(fdatasync)(fd);
    if (done == 0) synced(fd);
    end();
    return done;
}

int rename(const char *from, const char *to) {
    begin();
    int done = REAL(rename)(from, to);
    if (done == 0 && below(from)) entry(RENAME, 0, 0, from, to, NULL, 0);
    end();
    return done;
}

int unlink(const char *path) {
    begin();
    int done = REAL(unlink)(path);
    if (done == 0 && below(path)) entry(UNLINK, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    begin();
    resolve(folder, name, path);
    int done = REAL(unlinkat)(folder, name, flags);
    if (done == 0 && below(path)) entry(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int rmdir(const char *path) {
    begin();
    int done = REAL(rmdir)(path);
    if (done == 0 && below(path)) entry(RMDIR, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}

int mkdir(const char *path, mode_t mode) {
    begin();
    int done = REAL(mkdir)(path, mode);
    if (done == 0 && below(path)) entry(MKDIR, 0, 0, path, NULL, NULL, 0);
    end();
    return done;
}
