/* Evaluation: a plan of all that has to be computed, in the order of a depth-first search, so that what belongs
 * together is computed together; then waves of values whose inputs are there, the first of the plan first. Memory is
 * taken and given back between the waves, by the caller alone; the waves compute in parallel. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "sim/replay/evaluate_node.h"
#include "sim/replay/value_impl.h"

#define WAVE_NODES_MAX 256u
#define TASK_WORK ((uint64_t)1 << 15) /* of a task, at least; less than that does not pay for a thread */

typedef struct frame {
    uint32_t slot;
    size_t next_input;
} frame;

/* A value in the plan. */
typedef struct entry {
    uint32_t slot;
    uint32_t pending;       /* inputs that have not been computed, each as often as it is one */
    size_t consumers_begin; /* in `consumers`, up to those of the next entry */
} entry;

typedef struct task {
    uint32_t node; /* in the wave */
    uint64_t begin, end;
} task;

typedef struct array {
    void *items;
    size_t capacity_bytes;
} array;

typedef struct weft__evaluation {
    array frames, entries, consumers, ready, tasks, scratch;
    size_t entry_count, ready_count, task_count, scratch_stride;
    bool is_small; /* the wave is not worth waking anybody */
    weft__value_node_work wave[WAVE_NODES_MAX];
    uint32_t wave_positions[WAVE_NODES_MAX];
    size_t wave_count;
} weft__evaluation;

static weft_status reserve(array *it, size_t count, size_t bytes, weft_error *err)
{
    size_t wanted;
    if (__builtin_mul_overflow(count, bytes, &wanted))
        return weft__fail_memory(err, SIZE_MAX, "the plan of an evaluation");
    if (wanted <= it->capacity_bytes)
        return WEFT_OK;
    size_t capacity = weft__max_size(wanted, weft__max_size(2 * it->capacity_bytes, 1024));
    void *items = realloc(it->items, capacity);
    if (!items)
        return weft__fail_memory(err, capacity, "the plan of an evaluation");
    *it = (array){items, capacity};
    return WEFT_OK;
}

void weft__evaluation_destroy(weft__evaluation *evaluation)
{
    if (!evaluation)
        return;
    free(evaluation->frames.items);
    free(evaluation->entries.items);
    free(evaluation->consumers.items);
    free(evaluation->ready.items);
    free(evaluation->tasks.items);
    free(evaluation->scratch.items);
    free(evaluation);
}

/* ---- the plan ---- */

#define MARK_OPEN UINT32_MAX /* its inputs are being looked at */

/* Asks for what planning and computing a value read of its inputs. */
static void ask_for_inputs(const weft__values *values, const weft__value_node *node)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const char *input = (const char *)weft__value_node_at(values, node->inputs[i]);
        __builtin_prefetch(input);
        __builtin_prefetch(input + WEFT__VALUE_LINE_BYTES);
    }
}

/* Appends to the plan, after its ancestors, a value that is neither computed nor planned. */
static weft_status plan_value(weft__values *values, weft__evaluation *it, uint32_t root, weft_error *err)
{
    size_t depth = 0;
    weft_status status = reserve(&it->frames, 1, sizeof(frame), err);
    if (status != WEFT_OK)
        return status;
    ((frame *)it->frames.items)[depth++] = (frame){root, 0};
    ask_for_inputs(values, weft__value_node_at(values, root));
    weft__value_node_at(values, root)->mark = MARK_OPEN;
    while (depth) {
        frame *top = &((frame *)it->frames.items)[depth - 1];
        weft__value_node *node = weft__value_node_at(values, top->slot);
        if (top->next_input == weft__value_node_inputs(node)) {
            status = reserve(&it->entries, it->entry_count + 2, sizeof(entry), err);
            if (status != WEFT_OK)
                break;
            ((entry *)it->entries.items)[it->entry_count++] = (entry){.slot = top->slot};
            node->mark = (uint32_t)it->entry_count;
            depth--;
            continue;
        }
        uint32_t slot = weft__value_node_input(node, top->next_input++);
        weft__value_node *input = weft__value_node_at(values, slot);
        if (input->buffer || input->mark)
            continue;
        status = reserve(&it->frames, depth + 1, sizeof(frame), err);
        if (status != WEFT_OK)
            break;
        ((frame *)it->frames.items)[depth++] = (frame){slot, 0};
        input->mark = MARK_OPEN;
        ask_for_inputs(values, input);
    }
    for (size_t i = 0; i < depth; i++) /* after a failure */
        weft__value_node_at(values, ((frame *)it->frames.items)[i].slot)->mark = 0;
    return status;
}

/* Notes for each entry who of the plan waits for it. The begins are first counts, shifted by one entry. */
static weft_status plan_consumers(const weft__values *values, weft__evaluation *it, weft_error *err)
{
    entry *entries = it->entries.items;
    size_t edges = 0;
    entries[it->entry_count] = (entry){0};
    for (size_t i = 0; i < it->entry_count; i++) {
        const weft__value_node *node = weft__value_node_at(values, entries[i].slot);
        size_t count = weft__value_node_inputs(node);
        for (size_t k = 0; k < count; k++) {
            uint32_t mark = weft__value_node_at(values, weft__value_node_input(node, k))->mark;
            if (mark == 0)
                continue;
            entries[i].pending++;
            entries[mark].consumers_begin++; /* mark is its position plus one */
            edges++;
        }
    }
    for (size_t i = 0; i < it->entry_count; i++)
        entries[i + 1].consumers_begin += entries[i].consumers_begin;
    weft_status status = reserve(&it->consumers, edges, sizeof(uint32_t), err);
    if (status == WEFT_OK)
        status = reserve(&it->ready, it->entry_count, sizeof(uint32_t), err);
    if (status != WEFT_OK)
        return status;
    uint32_t *consumers = it->consumers.items;
    for (size_t i = it->entry_count; i-- > 0;) {
        const weft__value_node *node = weft__value_node_at(values, entries[i].slot);
        size_t count = weft__value_node_inputs(node);
        for (size_t k = 0; k < count; k++) {
            uint32_t mark = weft__value_node_at(values, weft__value_node_input(node, k))->mark;
            if (mark != 0)
                consumers[--entries[mark].consumers_begin] = (uint32_t)i;
        }
    }
    /* What was the end of an entry's consumers has moved to their begin, one entry further. */
    for (size_t i = 0; i < it->entry_count; i++)
        entries[i].consumers_begin = entries[i + 1].consumers_begin;
    entries[it->entry_count].consumers_begin = edges;
    return WEFT_OK;
}

/* ---- what is ready: a heap, the least position on top ---- */

static void push_ready(weft__evaluation *it, uint32_t position)
{
    uint32_t *heap = it->ready.items;
    size_t at = it->ready_count++;
    while (at > 0 && heap[(at - 1) / 2] > position) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = position;
}

static uint32_t pop_ready(weft__evaluation *it)
{
    uint32_t *heap = it->ready.items;
    uint32_t top = heap[0], last = heap[--it->ready_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= it->ready_count)
            break;
        if (child + 1 < it->ready_count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* ---- waves ---- */

/* A value has its data: it lets go of what it was made from, and who waited for it may be ready. */
static void finish_entry(weft__values *values, weft__evaluation *it, uint32_t position)
{
    entry *entries = it->entries.items;
    const uint32_t *consumers = it->consumers.items;
    weft__value_node *node = weft__value_node_at(values, entries[position].slot);
    node->mark = 0;
    if (node->kind != WEFT__VALUE_VIEW)
        weft__value_node_drop_inputs(values, node);
    for (size_t i = entries[position].consumers_begin; i < entries[position + 1].consumers_begin; i++)
        if (--entries[consumers[i]].pending == 0)
            push_ready(it, consumers[i]);
}

/* Views that can share what they view are done at once; of other values the data are made room for and the work is
 * added to the wave. */
static weft_status start_entry(weft__values *values, weft__evaluation *it, uint32_t position, weft_error *err)
{
    const entry *entries = it->entries.items;
    weft__value_node *node = weft__value_node_at(values, entries[position].slot);
    if (weft__value_node_share(values, node)) {
        finish_entry(values, it, position);
        return WEFT_OK;
    }
    weft__value_data *buffer = weft__value_data_create(&values->pool, node->bytes);
    if (!buffer)
        return weft__fail_memory(err, (size_t)node->bytes, "the data of a value");
    node->buffer = buffer;
    node->buffer_offset = 0;
    weft__value_node_work_init(values, node, &it->wave[it->wave_count]);
    it->wave_positions[it->wave_count++] = position;
    return WEFT_OK;
}

static void run_task(void *context, size_t index, size_t worker)
{
    weft__evaluation *it = context;
    const task *own = &((const task *)it->tasks.items)[index];
    unsigned char *scratch = it->scratch.items;
    weft__value_node_work_run(&it->wave[own->node], own->begin, own->end,
                              scratch ? scratch + worker * it->scratch_stride : NULL);
}

/* Cuts the wave into tasks. */
static weft_status make_tasks(weft__evaluation *it, size_t threads, weft_error *err)
{
    uint64_t work = 0;
    size_t scratch = 64;
    for (size_t i = 0; i < it->wave_count; i++) {
        const weft__value_node_work *node = &it->wave[i];
        uint64_t own;
        if (__builtin_mul_overflow(node->units, node->unit_work, &own) || __builtin_add_overflow(work, own, &work))
            work = UINT64_MAX;
        scratch = weft__max_size(scratch, node->scratch_bytes);
    }
    it->is_small = threads == 1 || work < TASK_WORK;
    uint64_t piece_work = weft__max_size(TASK_WORK, work / (4 * threads));
    it->task_count = 0;
    for (uint32_t i = 0; i < it->wave_count; i++) {
        const weft__value_node_work *node = &it->wave[i];
        uint64_t step = it->is_small ? node->units : piece_work / node->unit_work;
        step = step < node->least_units ? node->least_units : step;
        for (uint64_t begin = 0; begin < node->units; begin += step) {
            weft_status status = reserve(&it->tasks, it->task_count + 1, sizeof(task), err);
            if (status != WEFT_OK)
                return status;
            uint64_t end = step < node->units - begin ? begin + step : node->units;
            ((task *)it->tasks.items)[it->task_count++] = (task){i, begin, end};
            if (end == node->units)
                break;
        }
    }
    it->scratch_stride = (scratch + 63) & ~(size_t)63;
    return reserve(&it->scratch, threads, it->scratch_stride, err);
}

/* Takes back the data of a wave that could not be computed. */
static void abandon_wave(weft__values *values, weft__evaluation *it)
{
    const entry *entries = it->entries.items;
    for (size_t i = 0; i < it->wave_count; i++) {
        weft__value_node *node = weft__value_node_at(values, entries[it->wave_positions[i]].slot);
        weft__value_data_release(&values->pool, node->buffer);
        node->buffer = NULL;
    }
}

static weft_status run_wave(weft__values *values, weft__evaluation *it, weft_error *err)
{
    size_t threads = values->threads ? weft__threads_count(values->threads) : 1;
    size_t wave_max = threads == 1 ? 1 : weft__min_size(8 * threads, WAVE_NODES_MAX);
    weft_status status = WEFT_OK;
    it->wave_count = 0;
    while (status == WEFT_OK && it->ready_count && it->wave_count < wave_max)
        status = start_entry(values, it, pop_ready(it), err);
    if (status == WEFT_OK)
        status = make_tasks(it, threads, err);
    if (status != WEFT_OK) {
        abandon_wave(values, it);
        return status;
    }
    if (it->is_small)
        for (size_t i = 0; i < it->task_count; i++)
            run_task(it, i, 0);
    else
        weft__threads_run(values->threads, it->task_count, run_task, it);
    for (size_t i = 0; i < it->wave_count; i++)
        finish_entry(values, it, it->wave_positions[i]);
    values->evaluated += it->wave_count;
    return WEFT_OK;
}

/* Marks are positions in this plan; whatever becomes of it, none may stay. */
static void clear_marks(weft__values *values, weft__evaluation *it)
{
    const entry *entries = it->entries.items;
    for (size_t i = 0; i < it->entry_count; i++) {
        weft__value_node *node = weft__value_node_at(values, entries[i].slot);
        if (node->references && node->mark == i + 1)
            node->mark = 0;
    }
}

static weft_status begin_plan(weft__values *values, weft_error *err)
{
    if (!values->evaluation) {
        values->evaluation = calloc(1, sizeof *values->evaluation);
        if (!values->evaluation)
            return weft__fail_memory(err, sizeof *values->evaluation, "an evaluation");
    }
    values->evaluation->entry_count = values->evaluation->ready_count = 0;
    return WEFT_OK;
}

/* Plans a value, unless it has its data or its place. */
static weft_status add_to_plan(weft__values *values, uint32_t slot, weft_error *err)
{
    const weft__value_node *node = weft__value_node_at(values, slot);
    return node->buffer || node->mark ? WEFT_OK : plan_value(values, values->evaluation, slot, err);
}

/* Computes what is planned; with the status of planning, which may have failed. */
static weft_status end_plan(weft__values *values, weft_status status, weft_error *err)
{
    weft__evaluation *it = values->evaluation;
    if (status == WEFT_OK && it->entry_count)
        status = plan_consumers(values, it, err);
    if (status == WEFT_OK)
        for (uint32_t i = 0; i < it->entry_count; i++)
            if (((const entry *)it->entries.items)[i].pending == 0)
                push_ready(it, i);
    while (status == WEFT_OK && it->ready_count)
        status = run_wave(values, it, err);
    if (status != WEFT_OK)
        clear_marks(values, it);
    return status;
}

weft_status weft__values_evaluate(weft__values *values, const weft__value_id *ids, size_t count, weft_error *err)
{
    weft_status status = begin_plan(values, err);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 0; status == WEFT_OK && i < count; i++) {
        assert(weft__values_lives(values, ids[i]));
        status = add_to_plan(values, weft__slot_of(ids[i]), err);
    }
    return end_plan(values, status, err);
}

weft_status weft__values_evaluate_all(weft__values *values, weft_error *err)
{
    weft_status status = begin_plan(values, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t slot = 0; status == WEFT_OK && slot < values->slots; slot++)
        if (weft__value_node_at(values, slot)->references)
            status = add_to_plan(values, slot, err);
    return end_plan(values, status, err);
}
