#include "sim/fabric/link_trace.h"

#include <stdio.h>
#include <stdlib.h>

/* Of a window; wide ones where a trace is of more than a few transfers. */
#define WINDOW_FLITS 32u
#define WIDE_WINDOW_FLITS 2048u

/* A link, and the window that it is in. */
typedef struct link_use {
    weft__trace_track track; /* 0: it has not been used */
    uint64_t window;
    uint64_t busy_ps; /* in that window */
    uint64_t shown;   /* the busy time that the counter has shown last */
} link_use;

struct weft__link_trace {
    weft__trace *trace;
    const weft__graph *graph;
    weft__trace_process process;
    weft__link_trace_mode mode;
    uint64_t window_ps;
    weft__observer observer;
    link_use *uses;
};

static void name_pair(const weft__graph *graph, uint32_t from, uint32_t to, char *text, size_t bytes)
{
    char names[2][WEFT__NODE_NAME_BYTES];
    weft__graph_node_name(graph, from, names[0]);
    weft__graph_node_name(graph, to, names[1]);
    (void)snprintf(text, bytes, "%s to %s", names[0], names[1]);
}

#define PAIR_BYTES (2 * WEFT__NODE_NAME_BYTES + 8)

static void show(weft__link_trace *links, link_use *use, uint64_t window, uint64_t busy_ps)
{
    if (use->shown == busy_ps)
        return;
    use->shown = busy_ps;
    weft__trace_counter_f64(links->trace, use->track, "utilisation", window * links->window_ps,
                            (double)busy_ps / (double)links->window_ps);
}

/* Shows the window that a link is in; behind it the link is idle, for all that is known. */
static void close_window(weft__link_trace *links, link_use *use)
{
    show(links, use, use->window, use->busy_ps);
    use->busy_ps = 0;
}

static void add_busy(weft__link_trace *links, link_use *use, weft__time begin, weft__time end)
{
    while (begin < end) {
        uint64_t window = begin / links->window_ps;
        if (window != use->window) {
            close_window(links, use);
            if (window != use->window + 1)
                show(links, use, use->window + 1, 0);
            use->window = window;
        }
        weft__time window_end = (window + 1) * links->window_ps, until = end < window_end ? end : window_end;
        use->busy_ps += until - begin;
        begin = until;
    }
}

static void write_span(weft__link_trace *links, const link_use *use, const weft__passage *passage)
{
    char name[PAIR_BYTES];
    const weft__route *route = weft__message_route(passage->message);
    const weft__link *graph_links = links->graph->links;
    name_pair(links->graph, graph_links[route->links[0]].from, graph_links[route->links[route->count - 1]].to, name,
              sizeof name);
    weft__trace_arg flits = {"flits", NULL, (int64_t)weft__message_flits(passage->message)};
    weft__time end = weft__run_last(&passage->begins) + passage->flit_ps;
    weft__trace_span(links->trace, use->track, name, passage->head_ps, end - passage->head_ps, &flits, 1);
}

static void on_pass(void *context, const weft__passage *passage)
{
    weft__link_trace *links = context;
    link_use *use = &links->uses[passage->link];
    const weft__run *begins = &passage->begins;
    if (!use->track) {
        char name[PAIR_BYTES];
        const weft__link *link = &links->graph->links[passage->link];
        name_pair(links->graph, link->from, link->to, name, sizeof name);
        use->track = weft__trace_add_track(links->trace, links->process, name, (int32_t)passage->link);
        use->window = begins->first / links->window_ps;
    }
    if (begins->count == 1 || begins->gap_ps == passage->flit_ps) {
        add_busy(links, use, begins->first, weft__run_last(begins) + passage->flit_ps);
    } else {
        for (uint64_t i = 0; i < begins->count; i++) {
            weft__time begin = begins->first + i * begins->gap_ps;
            add_busy(links, use, begin, begin + passage->flit_ps);
        }
    }
    if (passage->is_last && links->mode == WEFT__LINK_SPANS)
        write_span(links, use, passage);
}

weft_status weft__link_trace_create(weft__trace *trace, const weft__graph *graph, const char *name,
                                    weft__link_trace_mode mode, weft__link_trace **out, weft_error *err)
{
    *out = NULL;
    weft__link_trace *links = calloc(1, sizeof *links);
    if (!links)
        return weft__fail_memory(err, sizeof *links, "the trace of the links");
    links->uses = calloc(graph->link_count, sizeof *links->uses);
    if (!links->uses) {
        free(links);
        return weft__fail_memory(err, graph->link_count * sizeof *links->uses, "the trace of the links");
    }
    links->trace = trace;
    links->graph = graph;
    links->mode = mode;
    links->process = weft__trace_add_process(trace, name, mode == WEFT__LINK_SPANS ? 2 : INT32_MAX);
    links->window_ps = (mode == WEFT__LINK_SPANS ? WINDOW_FLITS : WIDE_WINDOW_FLITS) *
                       weft__ps_of_bytes(graph->spec->system.flit_bytes, weft__mbs_of_gbs(graph->spec->cube.link_gbs));
    links->observer = (weft__observer){.passed = on_pass, .context = links};
    *out = links;
    return WEFT_OK;
}

void weft__link_trace_destroy(weft__link_trace *links)
{
    if (!links)
        return;
    free(links->uses);
    free(links);
}

const weft__observer *weft__link_trace_observer(const weft__link_trace *links)
{
    return &links->observer;
}

void weft__link_trace_finish(weft__link_trace *links)
{
    for (uint32_t i = 0; i < links->graph->link_count; i++) {
        link_use *use = &links->uses[i];
        if (!use->track)
            continue;
        close_window(links, use);
        show(links, use, use->window + 1, 0);
    }
}
