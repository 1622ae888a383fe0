#include "file_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

static bool is_one(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool cli_is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && !S_ISCHR(a.st_mode) && is_one(&a, &b);
}

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The folder that a path names a file in, to be freed. */
static char *folder_of(const char *path)
{
    size_t bytes = (size_t)(name_in(path) - path);
    char *folder = cli_allocate(bytes + 2);
    memcpy(folder, path, bytes);
    memcpy(folder + bytes, ".", 2); /* "a/b/." or "." */
    return folder;
}

/* True if two paths would be one file, also if that is not there yet. */
static bool is_same_place(const char *one, const char *other)
{
    struct stat a, b;
    bool has_one = stat(one, &a) == 0, has_other = stat(other, &b) == 0;
    if (has_one || has_other)
        return has_one && has_other && cli_is_same_file(one, other);
    if (strcmp(one, other) == 0)
        return true;
    char *folder = folder_of(one), *other_folder = folder_of(other);
    bool is_same = strcmp(name_in(one), name_in(other)) == 0 && cli_is_same_file(folder, other_folder);
    free(folder);
    free(other_folder);
    return is_same;
}

/* ---- what is read ---- */

static bool is_of_model(const char *name)
{
    static const char *const names[] = {"config.json", "generation_config.json", "tokenizer.json",
                                        "model.safetensors.index.json"};
    static const char suffix[] = ".safetensors";
    size_t length = strlen(name), suffix_length = sizeof suffix - 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

static bool is_in_model(const char *path, const char *directory)
{
    bool is_there = false;
    DIR *folder = opendir(directory);
    for (struct dirent *entry; folder && !is_there && (entry = readdir(folder));) {
        size_t bytes = strlen(directory) + strlen(entry->d_name) + 2;
        char *file = cli_allocate(bytes);
        (void)snprintf(file, bytes, "%s/%s", directory, entry->d_name);
        is_there = is_of_model(entry->d_name) && cli_is_same_file(path, file);
        free(file);
    }
    if (folder)
        (void)closedir(folder);
    return is_there;
}

/* The machine file of a URI. */
static bool is_in_device(const char *path, const char *uri)
{
    static const char scheme[] = "sim:";
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *machine = uri + sizeof scheme - 1;
    size_t bytes = strcspn(machine, "?");
    char *file = cli_allocate(bytes + 1);
    memcpy(file, machine, bytes);
    file[bytes] = '\0';
    bool is_same = cli_is_same_file(path, file);
    free(file);
    return is_same;
}

static bool is_read(const char *path, cli_reads reads, const char *text)
{
    static bool (*const ways[])(const char *path, const char *text) = {
        [CLI_READS_FILE] = cli_is_same_file, [CLI_READS_MODEL] = is_in_model, [CLI_READS_DEVICE] = is_in_device};
    return text && reads != CLI_READS_NOTHING && ways[reads](path, text);
}

/* ---- what is written ---- */

static int fail_replaced(const cli_values *values, const cli_option *option, const char *path, const char *dashes,
                         const char *of)
{
    return cli_usage_error(values->verb->name, "--%s would replace '%s', which is read for %s%s.", option->name, path,
                           dashes, of);
}

int cli_check_file(const cli_values *values, const cli_option *option, const char *path)
{
    const cli_verb *verb = values->verb;
    for (const cli_option *const *it = verb->options; *it; it++) {
        if (is_read(path, (*it)->reads, cli_text(values, *it)))
            return fail_replaced(values, option, path, "--", (*it)->name);
    }
    if (is_read(path, verb->operand_reads, values->operand))
        return fail_replaced(values, option, path, "", verb->operand);
    if (is_read(path, verb->second_reads, values->second))
        return fail_replaced(values, option, path, "", verb->second);
    return CLI_EXIT_OK;
}

/* What cannot be written is known before anything has been run for it. */
static int check_place(const cli_values *values, const cli_option *option, const char *path)
{
    struct stat there;
    char *folder = folder_of(path);
    bool exists = stat(path, &there) == 0;
    bool is_replaced = !exists || S_ISREG(there.st_mode);
    int failed = 0;
    if (exists && S_ISDIR(there.st_mode))
        failed = EISDIR;
    else if ((is_replaced && access(folder, W_OK) != 0) || (exists && access(path, W_OK) != 0))
        failed = errno;
    free(folder);
    if (!failed)
        return CLI_EXIT_OK;
    cli_error(values->verb->name, "--%s '%s' cannot be written: %s.", option->name, path, strerror(failed));
    return CLI_EXIT_INPUT;
}

static const char *output_of(const cli_values *values, const cli_option *option)
{
    return option->is_output ? cli_text(values, option) : NULL;
}

int cli_check_files(const cli_values *values)
{
    const cli_option *const *options = values->verb->options;
    for (size_t i = 0; options[i]; i++) {
        const char *path = output_of(values, options[i]);
        int code = path ? cli_check_file(values, options[i], path) : CLI_EXIT_OK;
        if (code == CLI_EXIT_OK && path && !options[i]->is_begun_first)
            code = check_place(values, options[i], path);
        if (code != CLI_EXIT_OK)
            return code;
        for (size_t j = 0; path && j < i; j++) {
            const char *other = output_of(values, options[j]);
            if (other && is_same_place(path, other))
                return cli_usage_error(values->verb->name, "--%s '%s' and --%s '%s' are one file, but must be two.",
                                       options[j]->name, other, options[i]->name, path);
        }
    }
    return CLI_EXIT_OK;
}
