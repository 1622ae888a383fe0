#include "bench_input.h"

#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "output.h"

static size_t count_benches(void)
{
    weft_sim_bench bench;
    size_t count = 0;
    while (weft_sim_bench_at(count, &bench))
        count++;
    return count;
}

static int find_number(const char *text, size_t *out_index, weft_sim_bench *out, weft_error *err)
{
    size_t count = count_benches();
    unsigned long long number = strtoull(text, NULL, 10); /* saturates */
    if (number == 0 || number > count)
        return cli_refuse(err, "There is no bench %s; they have the numbers from 1 to %zu, see `weft list`.", text,
                          count);
    *out_index = (size_t)number - 1;
    (void)weft_sim_bench_at(*out_index, out);
    return CLI_EXIT_OK;
}

int cli_find_bench(const char *text, size_t *out_index, weft_sim_bench *out, weft_error *err)
{
    const char *nearest = "";
    size_t least = SIZE_MAX;
    if (*text && strspn(text, "0123456789") == strlen(text))
        return find_number(text, out_index, out, err);
    for (*out_index = 0; weft_sim_bench_at(*out_index, out); (*out_index)++) {
        size_t distance = cli_distance(text, out->name);
        if (strcmp(text, out->name) == 0)
            return CLI_EXIT_OK;
        nearest = distance < least ? out->name : nearest;
        least = distance < least ? distance : least;
    }
    return cli_refuse(err, "There is no bench '%s'; the nearest is '%s'.", text, nearest);
}
