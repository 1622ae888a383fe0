/* Runs that are saved to be re-timed. */
#ifndef WEFT_TOOL_SAVED_RUN_H
#define WEFT_TOOL_SAVED_RUN_H

#include <weft/retime.h>

/* Writes a finished recording, and says on standard error why it cannot be re-timed, if so. */
weft_status cli_save_run(const char *verb, const weft_recording *recording, const char *path, weft_error *err);

#endif
