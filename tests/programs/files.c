/* Boot modules as files: this program's own ELF file, and a text, named by its arguments. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#define TEXT "first line\nsecond line\n"

static void check_elf(const char *name)
{
    struct stat status = {0};
    int file = open(name, O_RDONLY);

    if (!check(file >= 3, "%s is opened", name))
        return;
    int error = fstat(file, &status);
    check(!error && S_ISREG(status.st_mode) && status.st_size > 4096, "it is a file of %ld bytes",
          (long)status.st_size);
    size_t size = (size_t)status.st_size;
    unsigned char *copy = malloc(size + 10);
    check(copy != NULL, "there is memory for it");
    if (!copy)
        return;
    check(read(file, copy, size + 10) == (ssize_t)size, "all of it is read");
    check(read(file, copy, 1) == 0, "then it is at its end");
    check(memcmp(copy, "\177ELF\2\1\1", 7) == 0, "it begins as an ELF file does");

    unsigned char *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    check(mapped != MAP_FAILED && memcmp(mapped, copy, size) == 0, "mapped, it is the same");
    unsigned char *second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    check(second != MAP_FAILED &&
              memcmp(second, copy + 4096, size < 8192 ? size - 4096 : 4096) == 0,
          "its second page too");
    check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0) == MAP_FAILED &&
              errno == EACCES,
          "not to be written: EACCES");
    check(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 1 << 30) == MAP_FAILED && errno == ENXIO,
          "not past its end: ENXIO");

    unsigned wrong = 0;
    for (off_t at = 0; at < status.st_size; at += 1237) {
        unsigned char part[100];
        ssize_t got = pread(file, part, sizeof(part), at);
        wrong += got <= 0 || memcmp(part, copy + at, (size_t)got) != 0;
    }
    check(!wrong, "and in parts, anywhere");
    int closed = close(file);
    check(closed == 0 && close(file) == -1 && errno == EBADF, "it is closed once");
    check(mapped != MAP_FAILED && mapped[0] == 0x7f && munmap(mapped, size) == 0,
          "what is mapped stays until it is unmapped");
    free(copy);
}

static void check_text(const char *name)
{
    char line[64] = "", first[6], second[100];
    FILE *file = fopen(name, "r");
    struct iovec parts[] = {{first, sizeof(first)}, {second, sizeof(second)}};

    check(file && fgets(line, sizeof(line), file) && strcmp(line, "first line\n") == 0,
          "its first line");
    check(file && fseek(file, -5, SEEK_END) == 0 && fgets(line, sizeof(line), file) &&
              strcmp(line, "line\n") == 0,
          "and its end");
    if (file)
        fclose(file);
    char path[64];
    snprintf(path, sizeof(path), "//%s", name);
    int number = open(path, O_RDONLY | O_CLOEXEC);
    check(number >= 0 && readv(number, parts, 2) == sizeof(TEXT) - 1 &&
              memcmp(first, TEXT, 6) == 0 && memcmp(second, &TEXT[6], sizeof(TEXT) - 7) == 0,
          "with slashes in front, into two parts");
    check(lseek(number, 3, SEEK_SET) == 3 && lseek(number, -4, SEEK_CUR) == -1 && errno == EINVAL,
          "no place is before its start");
    check(lseek(number, 1000, SEEK_SET) == 1000 && read(number, line, 5) == 0,
          "and nothing behind its end");
    close(number);
}

static void check_refusals(const char *name)
{
    int file[70];
    unsigned opened = 0;
    char c;

    check(open("nothing", O_RDONLY) == -1 && errno == ENOENT, "what is not there: ENOENT");
    check(open(name, O_RDWR) == -1 && errno == EROFS, "to write: EROFS");
    check(open("new", O_CREAT | O_RDONLY, 0600) == -1 && errno == EROFS, "to make: EROFS");
    check(open(name, O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR, "no folder: ENOTDIR");
    check(read(50, &c, 1) == -1 && errno == EBADF, "no descriptor: EBADF");
    check(write(0, "x", 1) == -1 && errno == EBADF, "the input cannot be written");
    check(read(0, &c, 1) == 0, "and is at its end");
    check(pread(1, &c, 1, 0) == -1 && errno == ESPIPE, "the output has no places");
    check(lseek(1, 0, SEEK_SET) == -1 && errno == ESPIPE, "and none to go to");
    while (opened < 70 && (file[opened] = open(name, O_RDONLY)) >= 0)
        opened++;
    check(opened == 61 && errno == EMFILE, "64 are open at once: EMFILE after %u", opened);
    while (opened)
        close(file[--opened]);
}

int main(int count, char **argument)
{
    if (!check(count == 3, "two files are named"))
        return checks_end();
    check_elf(argument[1]);
    check_text(argument[2]);
    check_refusals(argument[2]);
    return checks_end();
}
