/* Where the time of a device with a clock of its own went, between two looks at it. */
#ifndef WEFT_CLI_DEVICE_TIMES_H
#define WEFT_CLI_DEVICE_TIMES_H

#include <jansson.h>

#include <weft/device.h>

typedef struct cli_device_times {
    uint64_t now_ps;
    size_t count; /* of parts, which add up to now_ps; 0: the device's clock is the host's */
    weft_time_part parts[WEFT_TIME_PARTS_MAX];
} cli_device_times;

/* Takes a look, after a wait. */
void cli_device_times_take(const weft_device *device, cli_device_times *out);
cli_device_times cli_device_times_between(const cli_device_times *before, const cli_device_times *after);

/* [{"name": "submit", "ps": 2000000, "percent": 12.5}, ...], all of them. */
json_t *cli_json_time_parts(const cli_device_times *spent);

#define CLI_TIME_ROW_BYTES 96
/* A line for each part that is not 0, without its end; its percents, with two digits, add up to 100.00. False past the
 * last; `*place` is 0 before the first and goes on with each call. */
bool cli_time_row(const cli_device_times *spent, size_t *place, char text[CLI_TIME_ROW_BYTES]);

#define CLI_NS_TEXT 40
/* "1,234,567.890". Returns text. */
const char *cli_ns_text(uint64_t ps, char text[CLI_NS_TEXT]);

#endif
