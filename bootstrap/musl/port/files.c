/*
 * Descriptors. Files are the boot modules that the environment names: flat, read-only, found by
 * their name with or without slashes in front. 0, 1 and 2 are there from the start: an input, which
 * is at its end if the program has no terminal, and the two streams of output.
 *
 * To be read, a file's pages are mapped into one window, which all files share.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "calls.h"
#include "terminal.h"

#define DESCRIPTORS  64u
#define WINDOW_PAGES 64u
#define WINDOW_BYTES (WINDOW_PAGES * (uint64_t)PORT_PAGE)

enum kind { KIND_NONE, KIND_INPUT, KIND_OUTPUT, KIND_ERROR, KIND_FILE };

static struct descriptor {
    enum kind kind;
    const struct environment_file *file;
    uint64_t offset;
} descriptors[DESCRIPTORS] = {{.kind = KIND_INPUT}, {.kind = KIND_OUTPUT}, {.kind = KIND_ERROR}};

static struct window {
    uint64_t address; /* 0: there is none yet */
    uint32_t memory;  /* what is mapped there; 0: nothing */
    uint64_t offset;
} window;

/* The lock of files is held by all that follows, but for the calls. */

static struct descriptor *find(long number)
{
    return number >= 0 && number < (long)DESCRIPTORS && descriptors[number].kind
               ? &descriptors[number]
               : NULL;
}

static uint64_t pages_of(const struct environment_file *file)
{
    return (file->size + PORT_PAGE - 1) / PORT_PAGE;
}

bool port_file_find(long number, struct port_file_part *part)
{
    const struct descriptor *d = find(number);

    if (!d || d->kind != KIND_FILE)
        return false;
    *part = (struct port_file_part){d->file->selector, pages_of(d->file)};
    return true;
}

static const struct environment_file *file_named(const char *name)
{
    const struct environment_table *table = &ENVIRONMENT->files;
    const struct environment_file *file = environment_entries(table);

    while (*name == '/')
        name++;
    for (uint32_t i = 0; i < table->count; i++)
        if (strcmp(environment_string(file[i].name), name) == 0)
            return &file[i];
    return NULL;
}

/* Maps the part of the file that has the offset. False: there is no memory for it. */
static bool window_move(const struct environment_file *file, uint64_t offset)
{
    uint64_t begin = offset & ~(WINDOW_BYTES - 1), left = pages_of(file) - begin / PORT_PAGE;
    struct answer a = {STATUS_NEEDS_FRAMES, 0};

    if (window.memory == file->selector && window.offset == begin)
        return true;
    port_lock(PORT_LOCK_RESOURCES);
    if (!window.address)
        window.address = port_place_take(WINDOW_PAGES);
    if (window.memory)
        (void)memory_unmap(PROCESS_PD, window.address);
    window.memory = 0;
    const struct map where = {.address = window.address,
                              .offset = begin,
                              .count = left < WINDOW_PAGES ? (uint32_t)left : WINDOW_PAGES,
                              .rights = MEM_RIGHT_READ};
    if (window.address)
        PORT_WITH_FUNDS(a, memory_map(file->selector, PROCESS_PD, &where));
    port_unlock(PORT_LOCK_RESOURCES);
    if (a.status != STATUS_SUCCESS)
        return false;
    window.memory = file->selector;
    window.offset = begin;
    return true;
}

/* Reads from the offset on; how much, which is 0 at the end, or -ENOMEM if it was none of it. */
static long file_read(const struct environment_file *file, uint64_t offset, char *to, size_t size)
{
    size_t done = 0;

    if (offset >= file->size)
        return 0;
    if (size > file->size - offset)
        size = file->size - offset;
    while (done < size) {
        uint64_t at = (offset + done) % WINDOW_BYTES;
        size_t part = size - done < WINDOW_BYTES - at ? size - done : WINDOW_BYTES - at;

        if (!window_move(file, offset + done))
            return done ? (long)done : -ENOMEM;
        memcpy(to + done, (const char *)window.address + at, part);
        done += part;
    }
    return (long)done;
}

/* Into the parts in turn; from *offset on, which moves. */
static long read_parts(const struct descriptor *d, uint64_t *offset, const struct iovec *part,
                       long parts)
{
    long done = 0;

    if (d->kind != KIND_FILE)
        return d->kind == KIND_INPUT ? 0 : -EBADF;
    for (long i = 0; i < parts; i++) {
        if (part[i].iov_len > LONG_MAX - (uint64_t)done)
            return -EINVAL;
        long result = file_read(d->file, *offset, part[i].iov_base, part[i].iov_len);
        if (result < 0)
            return done ? done : result;
        done += result;
        *offset += (uint64_t)result;
        if ((size_t)result < part[i].iov_len)
            break;
    }
    return done;
}

static enum kind kind_of(long number)
{
    port_lock(PORT_LOCK_FILES);
    const struct descriptor *d = find(number);
    enum kind kind = d ? d->kind : KIND_NONE;
    port_unlock(PORT_LOCK_FILES);
    return kind;
}

/* Whole parts, as long as they can be filled at once. What has no end yet is a question. */
static long terminal_read(const struct iovec *part, long parts)
{
    long done = 0, got = 0;

    port_output_flush();
    for (long i = 0; i < parts && (size_t)got == (i ? part[i - 1].iov_len : 0); i++) {
        got = part[i].iov_len ? port_terminal_read(part[i].iov_base, part[i].iov_len, !done) : 0;
        if (got < 0)
            return got;
        done += got;
    }
    return done;
}

static long read_descriptor(long number, const struct iovec *part, long parts)
{
    if (parts < 0 || parts > IOV_MAX)
        return -EINVAL;
    if (kind_of(number) == KIND_INPUT && port_terminal_is_there())
        return terminal_read(part, parts);
    port_lock(PORT_LOCK_FILES);
    struct descriptor *d = find(number);
    long result = d ? read_parts(d, &d->offset, part, parts) : -EBADF;
    port_unlock(PORT_LOCK_FILES);
    return result;
}

static long read_at(long number, const struct iovec *part, long parts, long offset)
{
    if (parts < 0 || parts > IOV_MAX || offset < 0)
        return -EINVAL;
    port_lock(PORT_LOCK_FILES);
    const struct descriptor *d = find(number);
    uint64_t place = (uint64_t)offset;
    long result = -EBADF;
    if (d)
        result = d->kind == KIND_FILE ? read_parts(d, &place, part, parts) : -ESPIPE;
    port_unlock(PORT_LOCK_FILES);
    return result;
}

/* descriptor, buffer, size */
long call_read(const long *a)
{
    const struct iovec part = {(void *)a[1], (size_t)a[2]};

    return read_descriptor(a[0], &part, 1);
}

/* descriptor, parts, how many */
long call_readv(const long *a)
{
    return read_descriptor(a[0], (const struct iovec *)a[1], a[2]);
}

/* descriptor, buffer, size, offset */
long call_pread64(const long *a)
{
    const struct iovec part = {(void *)a[1], (size_t)a[2]};

    return read_at(a[0], &part, 1, a[3]);
}

/* descriptor, parts, how many, offset */
long call_preadv(const long *a)
{
    return read_at(a[0], (const struct iovec *)a[1], a[2], a[3]);
}

static long write_parts(long number, const struct iovec *part, long parts)
{
    long done = 0;

    if (parts < 0 || parts > IOV_MAX)
        return -EINVAL;
    enum kind kind = kind_of(number);
    if (kind != KIND_OUTPUT && kind != KIND_ERROR)
        return -EBADF;
    for (long i = 0; i < parts; i++) {
        if (part[i].iov_len > LONG_MAX - (uint64_t)done)
            return -EINVAL;
        done += port_output_write(kind == KIND_ERROR, part[i].iov_base, part[i].iov_len);
    }
    return done;
}

/* descriptor, bytes, size */
long call_write(const long *a)
{
    const struct iovec part = {(void *)a[1], (size_t)a[2]};

    return write_parts(a[0], &part, 1);
}

/* descriptor, parts, how many */
long call_writev(const long *a)
{
    return write_parts(a[0], (const struct iovec *)a[1], a[2]);
}

static long open_file(const char *name, long flags)
{
    const struct environment_file *file = file_named(name);
    long result = -EMFILE;

    if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | (file ? 0 : O_CREAT))))
        return -EROFS;
    if (!file)
        return -ENOENT;
    if (flags & O_CREAT && flags & O_EXCL)
        return -EEXIST;
    if (flags & O_DIRECTORY)
        return -ENOTDIR;
    port_lock(PORT_LOCK_FILES);
    for (unsigned i = 0; i < DESCRIPTORS && result < 0; i++)
        if (!descriptors[i].kind) {
            descriptors[i] = (struct descriptor){.kind = KIND_FILE, .file = file};
            result = (long)i;
        }
    port_unlock(PORT_LOCK_FILES);
    return result;
}

/* name, flags, mode */
long call_open(const long *a)
{
    return open_file((const char *)a[0], a[1]);
}

/* folder, name, flags, mode. There is one folder: whatever is said, names are looked up there. */
long call_openat(const long *a)
{
    if ((int)a[0] != AT_FDCWD && *(const char *)a[1] != '/')
        return -ENOTDIR;
    return open_file((const char *)a[1], a[2]);
}

/* descriptor */
long call_close(const long *a)
{
    port_lock(PORT_LOCK_FILES);
    struct descriptor *d = find(a[0]);
    if (d)
        d->kind = KIND_NONE;
    port_unlock(PORT_LOCK_FILES);
    return d ? 0 : -EBADF;
}

static long seek(struct descriptor *d, long offset, long whence)
{
    int64_t base = whence == SEEK_CUR ? (int64_t)d->offset : 0, sum;

    if (d->kind != KIND_FILE)
        return -ESPIPE;
    if (whence == SEEK_END)
        base = (int64_t)d->file->size;
    else if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &sum) || sum < 0)
        return -EINVAL;
    d->offset = (uint64_t)sum;
    return sum;
}

/* descriptor, offset, whence */
long call_lseek(const long *a)
{
    port_lock(PORT_LOCK_FILES);
    struct descriptor *d = find(a[0]);
    long result = d ? seek(d, a[1], a[2]) : -EBADF;
    port_unlock(PORT_LOCK_FILES);
    return result;
}

/* descriptor, status: as Linux's, which musl's struct stat is on x86-64 */
long call_fstat(const long *a)
{
    struct stat *status = (struct stat *)a[1];

    port_lock(PORT_LOCK_FILES);
    const struct descriptor *d = find(a[0]);
    if (d) {
        const struct environment_file *first = environment_entries(&ENVIRONMENT->files);
        bool is_file = d->kind == KIND_FILE;
        uint64_t size = is_file ? d->file->size : 0;

        *status = (struct stat){.st_ino = is_file ? (ino_t)(d->file - first) + 10 : (ino_t)d->kind,
                                .st_nlink = 1,
                                .st_mode = is_file ? S_IFREG | 0444 : S_IFCHR | 0222,
                                .st_size = (off_t)size,
                                .st_blksize = PORT_PAGE,
                                .st_blocks = (blkcnt_t)((size + 511) / 512)};
    }
    port_unlock(PORT_LOCK_FILES);
    return d ? 0 : -EBADF;
}

/* descriptor, operation, result. A terminal says that it is one, and that its size is not known. */
long call_ioctl(const long *a)
{
    enum kind kind = kind_of(a[0]);

    if (!kind)
        return -EBADF;
    if (kind == KIND_FILE || a[1] != TIOCGWINSZ || !port_terminal_is_there())
        return -ENOTTY;
    *(struct winsize *)a[2] = (struct winsize){0};
    return 0;
}

/* descriptor, operation, argument. There is no exec that could close anything. */
long call_fcntl(const long *a)
{
    enum kind kind = kind_of(a[0]);

    if (!kind)
        return -EBADF;
    if (a[1] == F_GETFD || a[1] == F_SETFD)
        return 0;
    if (a[1] == F_GETFL)
        return kind == KIND_OUTPUT || kind == KIND_ERROR ? O_WRONLY : O_RDONLY;
    return -EINVAL;
}
