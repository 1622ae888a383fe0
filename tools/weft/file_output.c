#include "file_output.h"

#include "output.h"

void cli_file_open(const char *verb, const char *path, cli_file *out)
{
    *out = (cli_file){.verb = verb};
    out->status = weft_file_begin(path, &out->file, &out->err);
}

void cli_file_put(cli_file *file, const char *bytes, size_t count)
{
    if (file->status == WEFT_OK)
        file->status = weft_file_write(file->file, bytes, count, &file->err);
}

int cli_file_close(cli_file *file, int code)
{
    if (code == CLI_EXIT_OK && file->status == WEFT_OK)
        file->status = weft_file_commit(file->file, &file->err);
    else
        weft_file_abandon(file->file);
    file->file = NULL;
    if (code != CLI_EXIT_OK || file->status == WEFT_OK)
        return code;
    return cli_fail(file->verb, file->status, &file->err);
}

int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count)
{
    cli_file file;
    cli_file_open(verb, path, &file);
    cli_file_put(&file, bytes, count);
    return cli_file_close(&file, CLI_EXIT_OK);
}
