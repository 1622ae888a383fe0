#include "file_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count)
{
    size_t length = strlen(path) + sizeof ".part";
    char *part = cli_allocate(length);
    (void)snprintf(part, length, "%s.part", path);
    FILE *file = fopen(part, "wb");
    int error = file ? 0 : errno;
    if (file && fwrite(bytes, 1, count, file) != count)
        error = errno;
    if (file && fclose(file) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(part, path) != 0)
        error = errno;
    if (error != 0) {
        if (file)
            (void)remove(part);
        cli_error(verb, "'%s' cannot be written: %s.", path, strerror(error));
    }
    free(part);
    return error == 0 ? CLI_EXIT_OK : CLI_EXIT_INPUT;
}
