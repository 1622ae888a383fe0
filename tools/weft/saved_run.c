#include "saved_run.h"

#include "output.h"

weft_status cli_save_run(const char *verb, const weft_recording *recording, const char *path, weft_error *err)
{
    weft_recording_info info;
    weft_recording_get_info(recording, &info);
    weft_status status = weft_recording_save(recording, path, err);
    if (status == WEFT_OK && info.refusal)
        cli_error(verb,
                  "'%s' is saved. %s Without numbers (--timing-only of "
                  "weft generate) kernels look at nothing.",
                  path, info.refusal);
    return status;
}
