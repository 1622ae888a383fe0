/* How much work a recording is, for those that somebody may have made up: some would take years. */
#ifndef WEFT_TESTS_SUPPORT_RECORDING_WORK_H
#define WEFT_TESTS_SUPPORT_RECORDING_WORK_H

#include "sim/host/host_impl.h"
#include "sim/retime/recording.h"

/* Flits that a command moves, and its tiles. */
static inline double command_work(const weft__plan *plan, const weft__pe_rates *rates)
{
    double work = (double)weft__plan_tiles(plan, rates);
    for (uint32_t i = 0; i < plan->input_count; i++)
        work += (double)plan->inputs[i].elements / 8;
    return work + (double)plan->output.elements / 8;
}

static inline double recording_work(const weft_recording *recording, const weft_machine *machine)
{
    weft__pe_rates rates;
    double work = 0;
    weft__pe_rates_init(&rates, machine->spec);
    for (size_t i = 0; i < recording->launch_count; i++)
        for (uint32_t pe = 0; pe < recording->launches[i].count; pe++) {
            const weft__stream *stream = &recording->streams.items[recording->launches[i].kernels[pe].stream];
            weft__reader from = weft__reader_of(&stream->asks);
            weft__offsets offsets = {0};
            weft__step step = {0};
            while (from.at < from.end) {
                weft__step_take(&from, &offsets, &step);
                work += step.kind == WEFT__ASK_COMMAND ? command_work(&step.plan, &rates) : 1 + (double)step.elements;
            }
        }
    weft__reader deeds = weft__reader_of(&recording->deeds);
    while (deeds.at < deeds.end) { /* bytes of transfers are among the numbers */
        uint64_t number = weft__reader_take(&deeds);
        work += number < (UINT64_C(1) << 40) && number > 100000 ? (double)number / 8 : 1;
        if (number >= UINT64_C(1) << 40)
            return 1e30;
    }
    return work;
}

#endif
