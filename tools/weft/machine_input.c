#include "machine_input.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

/* A copy of the key of KEY=VALUE; NULL if there is no '=' behind a key. */
static char *key_of(const char *text)
{
    size_t bytes = strcspn(text, "=");
    if (bytes == 0 || !text[bytes])
        return NULL;
    char *key = cli_allocate(bytes + 1);
    memcpy(key, text, bytes);
    key[bytes] = 0;
    return key;
}

int cli_open_machine_file(const cli_values *values, const char *path, weft_machine **out, weft_error *err)
{
    const char *const *texts;
    size_t count = cli_texts(values, &cli_option_set, &texts), read = 0;
    char *keys[CLI_REPEATS_MAX];
    weft_machine_setting settings[CLI_REPEATS_MAX];
    int code = CLI_EXIT_OK;
    *out = NULL;
    for (; read < count && code == CLI_EXIT_OK; read++) {
        keys[read] = key_of(texts[read]);
        if (!keys[read])
            code = cli_refuse(err, "--set is '%s', but must be KEY=VALUE, as in cube.link_gbs=128.", texts[read]);
        else
            settings[read] = (weft_machine_setting){keys[read], strchr(texts[read], '=') + 1};
    }
    if (code == CLI_EXIT_OK) {
        weft_status status = weft_machine_open(path, settings, count, out, err);
        code = cli_exit_code(status);
    }
    for (size_t i = 0; i < read; i++)
        free(keys[i]);
    return code;
}

int cli_open_machine(const cli_values *values, weft_machine **out, weft_error *err)
{
    return cli_open_machine_file(values, cli_text(values, &cli_option_machine), out, err);
}
