#include "naive_order.h"

#include <string.h>

void naive_order_begin(naive_order *it)
{
    it->node_count = it->access_count = 1; /* 0 is none */
    it->commands = 0;
    it->has_passed_over = false;
    for (uint32_t i = 0; i < NAIVE_AGENTS; i++)
        it->tips[i] = it->messages[i] = it->last_over[i] = 0;
    for (uint32_t m = 0; m < NAIVE_MEMORIES; m++)
        for (uint32_t i = 0; i < NAIVE_BYTES; i++)
            it->bytes[m][i].write = it->bytes[m][i].read_count = 0;
}

static uint32_t add_node(naive_order *it, naive_kind kind, uint32_t agent, uint32_t number, uint32_t a, uint32_t b)
{
    it->nodes[it->node_count] = (naive_node){kind, agent, number, {a, b}};
    return it->node_count++;
}

static uint32_t step(naive_order *it, uint32_t agent, uint32_t after)
{
    it->tips[agent] = add_node(it, NAIVE_STEP, agent, 0, it->tips[agent], after);
    return it->tips[agent];
}

naive_point naive_order_snapshot(naive_order *it, uint32_t agent)
{
    return (naive_point){.agent = agent, .node = step(it, agent, 0)};
}

naive_point naive_order_send(naive_order *it, uint32_t agent)
{
    uint32_t sent = step(it, agent, 0), number = ++it->messages[agent];
    it->last_over[agent] = add_node(it, NAIVE_OVER, agent, number, sent, 0);
    return (naive_point){.agent = agent, .node = it->last_over[agent], .message = number};
}

naive_point naive_order_fork(naive_order *it, uint32_t agent)
{
    return (naive_point){.agent = agent, .node = step(it, agent, 0), .command = ++it->commands};
}

void naive_order_join(naive_order *it, uint32_t agent, const naive_point *point)
{
    (void)step(it, agent, point->node);
}

void naive_order_add(naive_order *it, naive_point *point, const naive_point *other)
{
    point->node = add_node(it, NAIVE_STEP, point->agent, 0, point->node, other->node);
}

void naive_order_wait(naive_order *it, const naive_point *point)
{
    uint32_t node = point->node;
    if (point->command)
        node = add_node(it, NAIVE_DONE, point->agent, point->command, node, 0);
    (void)step(it, point->agent, node);
}

void naive_order_wait_messages(naive_order *it, uint32_t agent)
{
    (void)step(it, agent, it->last_over[agent]);
}

/* What can be reached backwards from a node. */
typedef struct past {
    bool nodes[NAIVE_NODES];
    uint32_t over[NAIVE_AGENTS];
    bool done[NAIVE_NODES];
} past;

static void look_back(const naive_order *it, uint32_t from, past *out)
{
    static uint32_t left[2 * NAIVE_NODES];
    uint32_t count = 1;
    memset(out, 0, sizeof *out);
    left[0] = from;
    while (count) {
        uint32_t at = left[--count];
        if (out->nodes[at])
            continue;
        out->nodes[at] = true;
        const naive_node *node = &it->nodes[at];
        if (at && node->kind == NAIVE_OVER && out->over[node->agent] < node->number)
            out->over[node->agent] = node->number;
        if (at && node->kind == NAIVE_DONE)
            out->done[node->number] = true;
        for (uint32_t i = 0; at && i < 2; i++)
            left[count++] = node->before[i];
    }
}

static bool happened(const past *before, const naive_access *access)
{
    if (access->message)
        return before->over[access->agent] >= access->message;
    if (access->command)
        return before->done[access->command];
    return before->nodes[access->node];
}

/* Somebody accesses. */
typedef struct looking {
    const past *before;
    const naive_access *access;
    bool is_write, only_others, ends;
} looking;

static bool races(naive_order *it, const looking *by, uint32_t earlier)
{
    const naive_access *access = &it->accesses[earlier];
    if (!earlier || access->is_under_way || happened(by->before, access))
        return false;
    bool is_passed_over = by->only_others && access->agent == by->access->agent;
    it->has_passed_over |= is_passed_over;
    return !is_passed_over;
}

/* Where the read that ends now stands among the reads of a byte; their count if it does not. */
static uint32_t beginning(const naive_order *it, const naive_access *end, const naive_byte *byte)
{
    uint32_t at = 0;
    for (; at < byte->read_count; at++) {
        const naive_access *read = &it->accesses[byte->reads[at]];
        if (read->is_under_way && read->agent == end->agent && read->message == end->message &&
            read->command == end->command && read->call == end->call)
            break;
    }
    return at;
}

/* The last one that races for a byte, or 0. */
static uint32_t racing(naive_order *it, const looking *by, const naive_byte *byte, bool racing_agents[NAIVE_AGENTS])
{
    uint32_t last = 0;
    memset(racing_agents, 0, NAIVE_AGENTS * sizeof(bool));
    if (by->ends && beginning(it, by->access, byte) < byte->read_count)
        return 0;
    if (races(it, by, byte->write)) {
        last = byte->write;
        racing_agents[it->accesses[last].agent] = true;
    }
    for (uint32_t i = 0; by->is_write && i < byte->read_count; i++) {
        const naive_access *read = &it->accesses[byte->reads[i]];
        if (!races(it, by, byte->reads[i]))
            continue;
        racing_agents[read->agent] = true;
        if (!last || read->time_ps > it->accesses[last].time_ps)
            last = byte->reads[i];
    }
    return last;
}

static bool find_race(naive_order *it, const looking *by, const naive_byte *bytes, uint64_t begin, uint64_t end,
                      weft__order_race *out, bool out_racing[NAIVE_AGENTS])
{
    bool ignored[NAIVE_AGENTS];
    *out = (weft__order_race){0};
    for (uint64_t i = begin; i < end; i++) {
        uint32_t last = racing(it, by, &bytes[i], out->bytes ? ignored : out_racing);
        if (out->bytes && !last)
            break;
        if (!last)
            continue;
        const naive_access *access = &it->accesses[last];
        weft_kernel_hazard_kind race = !by->is_write            ? WEFT_KERNEL_HAZARD_RAW
                                       : last == bytes[i].write ? WEFT_KERNEL_HAZARD_WAW
                                                                : WEFT_KERNEL_HAZARD_WAR;
        if (out->bytes == 0)
            *out = (weft__order_race){race, access->agent, access->time_ps, access->call, i, 0};
        else if (race != out->kind || access->agent != out->other || access->time_ps != out->other_ps ||
                 access->call != out->other_call)
            break;
        out->bytes++;
    }
    return out->bytes != 0;
}

bool naive_order_access(naive_order *it, uint32_t memory, bool is_write, const weft__order_access *access,
                        const naive_point *point, uint64_t begin, uint64_t end, weft__order_race *out,
                        bool out_racing[NAIVE_AGENTS])
{
    static past before;
    naive_access made = {.agent = access->agent,
                         .time_ps = access->time_ps,
                         .call = access->call,
                         .is_under_way = access->phase == WEFT__ORDER_BEGINS};
    if (point) {
        made.agent = point->agent;
        made.message = point->message;
        made.command = point->command;
    } else {
        made.node = step(it, made.agent, 0);
    }
    look_back(it, point ? point->node : made.node, &before);
    before.done[made.command] = true;
    const looking by = {&before, &made, is_write, access->only_others, access->phase == WEFT__ORDER_ENDS};
    bool found = find_race(it, &by, it->bytes[memory], begin, end, out, out_racing);
    it->accesses[it->access_count] = made;
    for (uint64_t i = begin; i < end; i++) {
        naive_byte *byte = &it->bytes[memory][i];
        if (is_write) {
            byte->write = it->access_count;
            byte->read_count = 0;
        } else {
            uint32_t begun = by.ends ? beginning(it, &made, byte) : byte->read_count;
            byte->reads[begun] = it->access_count;
            byte->read_count += begun == byte->read_count;
        }
    }
    it->access_count++;
    return found;
}
