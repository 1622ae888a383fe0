/* probe_hops: a PE reads from slices that are ever more hops away.
 *
 * How long a hop takes depends on what is passed, and where on the way it is. So a way counts as farther than another
 * only if it passes the same one after another, and more in between: whatever the machine, that cannot be faster. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/probe/cases.h"

#define KINDS 6u
#define BYTES ((uint64_t)32 << 10)

/* A slice, and how many nodes of each kind the way to it and back passes; the kinds that tell most come first. */
typedef struct candidate {
    uint32_t node;
    uint32_t hops; /* links, there and back */
    uint32_t passed[KINDS];
} candidate;

static void count_way(const weft__graph *graph, const weft__route *route, candidate *out)
{
    static const weft__node_kind kinds[KINDS] = {WEFT__NODE_SWITCH, WEFT__NODE_PCIE, WEFT__NODE_IO_NOC,
                                                 WEFT__NODE_IO_PHY, WEFT__NODE_UCIE, WEFT__NODE_ROUTER};
    out->hops += route->count;
    for (uint32_t hop = 0; hop < route->count; hop++)
        for (size_t kind = 0; kind < KINDS; kind++)
            out->passed[kind] += graph->nodes[graph->links[route->links[hop]].to].kind == kinds[kind];
}

static weft_status add_way(const weft__graph *graph, uint32_t from, uint32_t to, candidate *out, weft_error *err)
{
    weft__route route;
    weft_status status = weft__graph_route(graph, from, to, &route, err);
    if (status != WEFT_OK)
        return status;
    count_way(graph, &route, out);
    free(route.links);
    return WEFT_OK;
}

static int compare(const void *a, const void *b)
{
    const candidate *left = a, *right = b;
    for (size_t kind = 0; kind < KINDS; kind++) {
        if (left->passed[kind] != right->passed[kind])
            return left->passed[kind] < right->passed[kind] ? -1 : 1;
    }
    return (left->node > right->node) - (left->node < right->node);
}

/* Whether a link and the node behind it cost what others do. */
static bool are_alike(const weft__graph *graph, uint32_t a, uint32_t b)
{
    const weft__link *left = &graph->links[a], *right = &graph->links[b];
    return left->mbs == right->mbs && left->wire_ps == right->wire_ps && left->vc_ps == right->vc_ps &&
           left->buffer_flits == right->buffer_flits && left->credit_ps == right->credit_ps &&
           graph->nodes[left->to].overhead_ps == graph->nodes[right->to].overhead_ps;
}

/* Whether the longer one has links like those of the shorter one, in their order. */
static bool contains(const weft__graph *graph, const weft__route *longer, const weft__route *shorter)
{
    uint32_t found = 0;
    for (uint32_t hop = 0; hop < longer->count && found < shorter->count; hop++)
        found += are_alike(graph, longer->links[hop], shorter->links[found]);
    return found == shorter->count;
}

/* The same between two pairs of nodes. */
static bool way_contains(weft__case_plan *plan, const uint32_t longer[2], const uint32_t shorter[2])
{
    weft__route routes[2] = {{NULL, 0}, {NULL, 0}};
    plan->status = weft__graph_route(plan->graph, longer[0], longer[1], &routes[0], &plan->error);
    if (plan->status == WEFT_OK)
        plan->status = weft__graph_route(plan->graph, shorter[0], shorter[1], &routes[1], &plan->error);
    bool does = plan->status == WEFT_OK && contains(plan->graph, &routes[0], &routes[1]);
    free(routes[0].links);
    free(routes[1].links);
    return does;
}

static bool is_farther(weft__case_plan *plan, uint32_t source, const candidate *it, const candidate *than)
{
    if (it->hops <= than->hops)
        return false;
    const uint32_t there[2][2] = {{source, it->node}, {source, than->node}};
    const uint32_t back[2][2] = {{it->node, source}, {than->node, source}};
    return way_contains(plan, there[0], there[1]) && way_contains(plan, back[0], back[1]);
}

/* All slices that a PE can reach, in the order of distance. */
static candidate *find_candidates(weft__case_plan *plan, uint32_t source, size_t *out_count)
{
    const weft__graph *graph = plan->graph;
    *out_count = 0;
    candidate *found = calloc(graph->node_count, sizeof *found);
    if (!found) {
        plan->status = weft__fail_memory(&plan->error, graph->node_count * sizeof *found, "the targets of a case");
        return NULL;
    }
    for (uint32_t node = 0; node < graph->node_count && weft__case_goes_on(plan); node++) {
        if (graph->nodes[node].kind != WEFT__NODE_HBM)
            continue;
        candidate *it = &found[(*out_count)++];
        it->node = node;
        plan->status = add_way(graph, source, node, it, &plan->error);
        if (plan->status == WEFT_OK)
            plan->status = add_way(graph, node, source, it, &plan->error);
    }
    if (!weft__case_goes_on(plan)) {
        free(found);
        return NULL;
    }
    qsort(found, *out_count, sizeof *found, compare);
    return found;
}

void weft__case_plan_hops(weft__case_plan *plan)
{
    const weft__graph *graph = plan->graph;
    uint32_t source = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 0);
    if (graph->spec->cube.hbm.gib == 0) {
        weft__case_lacks(plan, "The machine has no HBM.");
        return;
    }
    size_t count;
    candidate *found = find_candidates(plan, source, &count);
    const candidate *last = NULL;
    for (size_t i = 0; found && i < count && weft__case_goes_on(plan); i++) {
        if (last && !is_farther(plan, source, &found[i], last))
            continue;
        last = &found[i];
        weft__case_add_run(plan, "%u hops there and back", last->hops);
        weft__case_add_flow(plan, source, last->node, BYTES, false);
    }
    free(found);
    if (plan->run_count < 2)
        weft__case_lacks(plan, "All slices of the machine are equally far away.");
}

bool weft__case_judge_hops(const weft_probe_case_result *result, char claim[WEFT__CASE_CLAIM_BYTES])
{
    bool holds = true;
    uint64_t first_ps = weft__case_slowest(result->runs[0].result)->latency_ps, last_ps = first_ps;
    for (size_t i = 1; i < result->run_count; i++) {
        uint64_t latency_ps = weft__case_slowest(result->runs[i].result)->latency_ps;
        holds = holds && latency_ps > last_ps;
        last_ps = latency_ps;
    }
    (void)snprintf(claim, WEFT__CASE_CLAIM_BYTES,
                   "Of each two of %zu slices the farther one takes longer: from %" WEFT__NS_FORMAT
                   " ns for the nearest to %" WEFT__NS_FORMAT " ns for the farthest.",
                   result->run_count, WEFT__NS(first_ps), WEFT__NS(last_ps));
    return holds;
}
