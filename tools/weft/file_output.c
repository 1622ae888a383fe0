#include "file_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"

/* What failed with errno, or did not. */
static void note(cli_file *file, bool is_done)
{
    if (!is_done && file->error == 0)
        file->error = errno != 0 ? errno : EIO;
}

void cli_file_open(const char *verb, const char *path, cli_file *out)
{
    struct stat about;
    *out = (cli_file){.verb = verb, .path = path};
    if (lstat(path, &about) != 0 || S_ISREG(about.st_mode)) {
        size_t bytes = strlen(path) + sizeof ".part";
        out->part_path = cli_allocate(bytes);
        (void)snprintf(out->part_path, bytes, "%s.part", path);
    }
    out->stream = fopen(out->part_path ? out->part_path : path, "wb");
    note(out, out->stream != NULL);
}

void cli_file_put(cli_file *file, const char *bytes, size_t count)
{
    if (file->error == 0)
        note(file, fwrite(bytes, 1, count, file->stream) == count);
}

int cli_file_close(cli_file *file, int code)
{
    if (file->stream)
        note(file, fclose(file->stream) == 0);
    if (code == CLI_EXIT_OK && file->error == 0 && file->part_path)
        note(file, rename(file->part_path, file->path) == 0);
    bool is_whole = code == CLI_EXIT_OK && file->error == 0;
    if (!is_whole && file->stream && file->part_path)
        (void)remove(file->part_path);
    if (code == CLI_EXIT_OK && file->error != 0) {
        cli_error(file->verb, "'%s' cannot be written: %s.", file->path, strerror(file->error));
        code = CLI_EXIT_INPUT;
    }
    free(file->part_path);
    *file = (cli_file){0};
    return code;
}

int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count)
{
    cli_file file;
    cli_file_open(verb, path, &file);
    cli_file_put(&file, bytes, count);
    return cli_file_close(&file, CLI_EXIT_OK);
}

bool cli_is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}
