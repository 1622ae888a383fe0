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

int cli_settings_read(const cli_values *values, const cli_option *set, const char *example, cli_settings *out,
                      weft_error *err)
{
    const char *const *texts;
    size_t count = cli_texts(values, set, &texts);
    out->count = 0;
    for (size_t i = 0; i < count; i++) {
        char *key = key_of(texts[i]);
        if (!key)
            return cli_refuse(err, "--%s is '%s', but must be KEY=VALUE, as in %s.", set->name, texts[i], example);
        out->keys[out->count] = key;
        out->at[out->count++] = (weft_machine_setting){key, strchr(texts[i], '=') + 1};
    }
    return CLI_EXIT_OK;
}

void cli_settings_release(cli_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        free(settings->keys[i]);
    settings->count = 0;
}

bool cli_is_machine_key(const char *key)
{
    return strchr(key, '.') != NULL;
}

/* What is wrong with a file that is right without the settings is wrong with them. */
static int exit_code_of_open(const char *path, size_t setting_count, weft_status status)
{
    weft_machine *plain = NULL;
    if (status != WEFT_PARSE || setting_count == 0)
        return cli_exit_code_of_words(status);
    bool is_good = weft_machine_open(path, NULL, 0, &plain, NULL) == WEFT_OK;
    weft_machine_close(plain);
    return is_good ? CLI_EXIT_USAGE : CLI_EXIT_INPUT;
}

int cli_open_machine_with(const char *path, const weft_machine_setting *settings, size_t count, weft_machine **out,
                          weft_error *err)
{
    weft_status status = weft_machine_open(path, settings, count, out, err);
    return status == WEFT_OK ? CLI_EXIT_OK : exit_code_of_open(path, count, status);
}

int cli_open_machine_file(const cli_values *values, const char *path, weft_machine **out, weft_error *err)
{
    cli_settings settings;
    *out = NULL;
    int code = cli_settings_read(values, &cli_option_set, "cube.link_gbs=128", &settings, err);
    if (code == CLI_EXIT_OK)
        code = cli_open_machine_with(path, settings.at, settings.count, out, err);
    cli_settings_release(&settings);
    return code;
}

int cli_open_machine(const cli_values *values, weft_machine **out, weft_error *err)
{
    return cli_open_machine_file(values, cli_text(values, &cli_option_machine), out, err);
}
