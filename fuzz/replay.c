/* Feeds every file of the folders and files on the command line to a fuzz target, in the order of their names, so that
 * what a fuzzer once found is tried by every build. Ends with 1 if there was nothing to feed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "target.h"

#define PATH_BYTES 4096

static bool feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    uint8_t *bytes = NULL;
    size_t used = 0;
    size_t room = 0;
    for (;;) {
        if (used == room) {
            room = room ? 2 * room : 4096;
            uint8_t *grown = realloc(bytes, room);
            if (!grown)
                abort();
            bytes = grown;
        }
        size_t got = fread(bytes + used, 1, room - used, file);
        if (got == 0)
            break;
        used += got;
    }
    (void)fclose(file);
    /* A copy that ends where its allocation ends, so that a sanitizer sees any read past it. */
    uint8_t *exact = realloc(bytes, used ? used : 1);
    if (!exact)
        abort();
    (void)LLVMFuzzerTestOneInput(exact, used);
    free(exact);
    return true;
}

static size_t feed_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t fed = 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        int bytes = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && bytes > 0 && (size_t)bytes < sizeof path)
            fed += feed_file(path);
        free(entries[i]);
    }
    free(entries);
    return fed;
}

int main(int argc, char **argv)
{
    size_t fed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode))
            fed += feed_folder(argv[i]);
        else
            fed += feed_file(argv[i]);
    }
    printf("%zu inputs\n", fed);
    return fed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
