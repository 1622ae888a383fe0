#include "device_times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_output.h"

void cli_device_times_take(const weft_device *device, cli_device_times *out)
{
    *out = (cli_device_times){.now_ps = weft_device_now_ps(device)};
    out->count = weft_device_time_parts(device, out->parts, WEFT_TIME_PARTS_MAX);
}

cli_device_times cli_device_times_between(const cli_device_times *before, const cli_device_times *after)
{
    cli_device_times spent = *after;
    spent.now_ps -= before->now_ps;
    for (size_t i = 0; i < spent.count; i++)
        spent.parts[i].ps -= before->parts[i].ps;
    return spent;
}

json_t *cli_json_time_parts(const cli_device_times *spent)
{
    json_t *array = json_array();
    for (size_t i = 0; i < spent->count; i++) {
        json_t *part = json_object();
        double share = spent->now_ps ? (double)spent->parts[i].ps / (double)spent->now_ps : 0;
        json_object_set_new(part, "name", cli_json_text(spent->parts[i].name));
        json_object_set_new(part, "ps", cli_json_count(spent->parts[i].ps));
        json_object_set_new(part, "percent", cli_json_number(share * 100));
        json_array_append_new(array, part);
    }
    return array;
}

/* Of the parts before this one, in hundredths of a percent, rounded: the difference of two is what one has, and all of
 * these together are 10,000. */
static uint64_t hundredths_before(const cli_device_times *spent, size_t index)
{
    uint64_t before = 0;
    for (size_t i = 0; i < index; i++)
        before += spent->parts[i].ps;
    return (uint64_t)((double)before / (double)spent->now_ps * 10000 + 0.5);
}

bool cli_time_row(const cli_device_times *spent, size_t *place, char text[CLI_TIME_ROW_BYTES])
{
    char ns[CLI_NS_TEXT];
    while (*place < spent->count && spent->parts[*place].ps == 0)
        ++*place;
    if (*place >= spent->count)
        return false;
    const weft_time_part *part = &spent->parts[(*place)++];
    uint64_t share = hundredths_before(spent, *place) - hundredths_before(spent, *place - 1);
    snprintf(text, CLI_TIME_ROW_BYTES, "%-18s %20s ns %3" PRIu64 ".%02" PRIu64 " %%", part->name,
             cli_ns_text(part->ps, ns), share / 100, share % 100);
    return true;
}

const char *cli_ns_text(uint64_t ps, char text[CLI_NS_TEXT])
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, ps / 1000);
    size_t length = strlen(digits), used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    snprintf(text + used, CLI_NS_TEXT - used, ".%03u", (unsigned)(ps % 1000));
    return text;
}
