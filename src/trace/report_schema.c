#include "trace/report_schema.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 1000000

static const char *const clocks[] = {"simulated", "host", NULL};

static const weft__run_field fact_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "value", .kind = WEFT__RUN_VALUE, .is_required = true},
};
static const weft__run_object fact = {fact_fields, COUNT_OF(fact_fields), NULL};

static const weft__run_field region_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT},
    {.name = "kind", .kind = WEFT__RUN_TEXT},
    {.name = "x", .kind = WEFT__RUN_PLACE, .is_required = true},
    {.name = "y", .kind = WEFT__RUN_PLACE, .is_required = true},
    {.name = "width", .kind = WEFT__RUN_PLACE, .is_required = true},
    {.name = "height", .kind = WEFT__RUN_PLACE, .is_required = true},
};
static const weft__run_object region = {region_fields, COUNT_OF(region_fields), NULL};

static const weft__run_field machine_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "sips", .kind = WEFT__RUN_COUNT},
    {.name = "cubes", .kind = WEFT__RUN_COUNT},
    {.name = "pes", .kind = WEFT__RUN_COUNT},
    {.name = "regions", .kind = WEFT__RUN_LIST, .object = &region, .most = MANY},
    {.name = "facts", .kind = WEFT__RUN_LIST, .object = &fact, .most = 200},
};
static const weft__run_object machine = {machine_fields, COUNT_OF(machine_fields), NULL};

static const weft__run_field model_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT},       {.name = "prompt", .kind = WEFT__RUN_TEXT},
    {.name = "answer", .kind = WEFT__RUN_TEXT},     {.name = "prompt_tokens", .kind = WEFT__RUN_COUNT},
    {.name = "tokens", .kind = WEFT__RUN_COUNT},    {.name = "prompt_ps", .kind = WEFT__RUN_COUNT},
    {.name = "decode_ps", .kind = WEFT__RUN_COUNT},
};
static const weft__run_object model = {model_fields, COUNT_OF(model_fields), weft__run_rule_model};

static const weft__run_field counter_fields[] = {
    {.name = "command_buffers", .kind = WEFT__RUN_COUNT},
    {.name = "dispatches", .kind = WEFT__RUN_COUNT},
    {.name = "barriers", .kind = WEFT__RUN_COUNT},
    {.name = "barriers_inferred", .kind = WEFT__RUN_COUNT},
    {.name = "fences_signalled", .kind = WEFT__RUN_COUNT},
    {.name = "fence_waits", .kind = WEFT__RUN_COUNT},
    {.name = "syncs", .kind = WEFT__RUN_COUNT},
};
static const weft__run_object counters = {counter_fields, COUNT_OF(counter_fields), NULL};

static const weft__run_field peak_fields[] = {
    {.name = "flops_per_second", .kind = WEFT__RUN_RATE},
    {.name = "bytes_per_second", .kind = WEFT__RUN_RATE},
};
static const weft__run_object peaks = {peak_fields, COUNT_OF(peak_fields), NULL};

static const weft__run_field part_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "ps", .kind = WEFT__RUN_COUNT, .is_required = true},
};
static const weft__run_object part = {part_fields, COUNT_OF(part_fields), NULL};

static const weft__run_field span_fields[] = {
    {.name = "label", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "start_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "end_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
};
static const weft__run_object span = {span_fields, COUNT_OF(span_fields), weft__run_rule_span};

static const weft__run_field track_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "spans", .kind = WEFT__RUN_LIST, .is_required = true, .object = &span, .most = MANY},
};
static const weft__run_object track = {track_fields, COUNT_OF(track_fields), NULL};

static const weft__run_field buffer_fields[] = {
    {.name = "sequence", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "label", .kind = WEFT__RUN_TEXT},
    {.name = "submitted_ps", .kind = WEFT__RUN_COUNT},
    {.name = "start_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "end_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "barriers", .kind = WEFT__RUN_COUNT},
    {.name = "fence", .kind = WEFT__RUN_COUNT},
    {.name = "signal", .kind = WEFT__RUN_COUNT},
    {.name = "wait", .kind = WEFT__RUN_COUNT},
};
static const weft__run_object buffer = {buffer_fields, COUNT_OF(buffer_fields), weft__run_rule_buffer};

static const weft__run_field dispatch_fields[] = {
    {.name = "sequence", .kind = WEFT__RUN_COUNT},
    {.name = "index", .kind = WEFT__RUN_COUNT},
    {.name = "op", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "label", .kind = WEFT__RUN_TEXT},
    {.name = "start_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "end_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "flops", .kind = WEFT__RUN_COUNT},
    {.name = "bytes", .kind = WEFT__RUN_COUNT},
    {.name = "compute_bound_ps", .kind = WEFT__RUN_COUNT},
    {.name = "memory_bound_ps", .kind = WEFT__RUN_COUNT},
    {.name = "barriers", .kind = WEFT__RUN_COUNT},
    {.name = "pes", .kind = WEFT__RUN_POSITIVE},
    {.name = "parts", .kind = WEFT__RUN_TIMES},
};
static const weft__run_object dispatch = {dispatch_fields, COUNT_OF(dispatch_fields), weft__run_rule_dispatch};

static const weft__run_field hazard_fields[] = {
    {.name = "kind", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "kernel", .kind = WEFT__RUN_TEXT},
    {.name = "call", .kind = WEFT__RUN_TEXT},
    {.name = "pe", .kind = WEFT__RUN_TEXT},
    {.name = "time_ps", .kind = WEFT__RUN_COUNT},
    {.name = "repeats", .kind = WEFT__RUN_COUNT},
    {.name = "text", .kind = WEFT__RUN_TEXT, .is_required = true},
};
static const weft__run_object hazard = {hazard_fields, COUNT_OF(hazard_fields), weft__run_rule_hazard};

static const weft__run_field engine_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "busy_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "stall_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "idle_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "bytes", .kind = WEFT__RUN_COUNT},
};
static const weft__run_object engine = {engine_fields, COUNT_OF(engine_fields), NULL};

static const weft__run_field pe_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "parts", .kind = WEFT__RUN_TIMES, .is_required = true},
};
static const weft__run_object pe = {pe_fields, COUNT_OF(pe_fields), weft__run_rule_pe};

static const weft__run_field link_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "kind", .kind = WEFT__RUN_TEXT},
    {.name = "from", .kind = WEFT__RUN_POINT, .is_required = true},
    {.name = "to", .kind = WEFT__RUN_POINT, .is_required = true},
    {.name = "busy", .kind = WEFT__RUN_BUSY},
};
static const weft__run_object link = {link_fields, COUNT_OF(link_fields), NULL};

static const weft__run_field place_fields[] = {
    {.name = "name", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "x", .kind = WEFT__RUN_PLACE, .is_required = true},
    {.name = "y", .kind = WEFT__RUN_PLACE, .is_required = true},
    {.name = "busy", .kind = WEFT__RUN_BUSY},
};
static const weft__run_object place = {place_fields, COUNT_OF(place_fields), NULL};

static const weft__run_field activity_fields[] = {
    {.name = "bucket_ps", .kind = WEFT__RUN_POSITIVE, .is_required = true},
    {.name = "bucket_count", .kind = WEFT__RUN_POSITIVE, .is_required = true},
    {.name = "links", .kind = WEFT__RUN_LIST, .object = &link, .most = MANY},
    {.name = "pes", .kind = WEFT__RUN_LIST, .object = &place, .most = MANY},
    {.name = "hbm", .kind = WEFT__RUN_LIST, .object = &place, .most = MANY},
};
static const weft__run_object activity = {activity_fields, COUNT_OF(activity_fields), weft__run_rule_activity};

/* In the order in which they are checked: rules of what follows may use the makespan and the command buffers. */
static const weft__run_field root_fields[] = {
    {.name = "weft_run", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "command", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "device", .kind = WEFT__RUN_TEXT, .is_required = true},
    {.name = "makespan_ps", .kind = WEFT__RUN_COUNT, .is_required = true},
    {.name = "title", .kind = WEFT__RUN_TEXT},
    {.name = "clock", .kind = WEFT__RUN_WORD, .words = clocks, .expected = "\"simulated\" or \"host\""},
    {.name = "machine", .kind = WEFT__RUN_OBJECT, .object = &machine},
    {.name = "model", .kind = WEFT__RUN_OBJECT, .object = &model},
    {.name = "facts", .kind = WEFT__RUN_LIST, .object = &fact, .most = 200},
    {.name = "counters", .kind = WEFT__RUN_OBJECT, .object = &counters},
    {.name = "peaks", .kind = WEFT__RUN_OBJECT, .object = &peaks},
    {.name = "parts", .kind = WEFT__RUN_LIST, .object = &part, .most = WEFT__RUN_PARTS_MAX},
    {.name = "tracks", .kind = WEFT__RUN_LIST, .object = &track, .most = 64},
    {.name = "command_buffers", .kind = WEFT__RUN_LIST, .object = &buffer, .most = MANY},
    {.name = "dispatches", .kind = WEFT__RUN_LIST, .object = &dispatch, .most = MANY},
    {.name = "hazards", .kind = WEFT__RUN_LIST, .object = &hazard, .most = 10000},
    {.name = "engines", .kind = WEFT__RUN_LIST, .object = &engine, .most = 64},
    {.name = "pes", .kind = WEFT__RUN_LIST, .object = &pe, .most = MANY},
    {.name = "activity", .kind = WEFT__RUN_OBJECT, .object = &activity},
};
const weft__run_object weft__run_root = {root_fields, COUNT_OF(root_fields), weft__run_rule_root};
