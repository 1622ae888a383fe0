/* The map against an array that holds the payload of every single address. Segments are the shortest list that
 * describes the content, so the array determines them completely, and they are compared one by one. */
#include "support/weft_check.h"

#include "base/range_map.h"
#include "base/rng.h"
#include "support/failing_malloc.h"

#define NOTHING UINT64_MAX

typedef struct oracle {
    size_t space;
    uint64_t origin;   /* address of element 0 */
    uint64_t *payload; /* NOTHING where nothing is mapped */
} oracle;

static oracle make_oracle(size_t space, uint64_t origin)
{
    oracle o = {.space = space, .origin = origin, .payload = malloc(space * sizeof(uint64_t))};
    ck_assert_ptr_nonnull(o.payload);
    for (size_t i = 0; i < space; i++)
        o.payload[i] = NOTHING;
    return o;
}

static void fill_oracle(oracle *o, size_t begin, size_t end, uint64_t payload)
{
    for (size_t i = begin; i < end; i++)
        o->payload[i] = payload;
}

static size_t end_of_run(const oracle *o, size_t begin)
{
    size_t end = begin + 1;
    while (end < o->space && o->payload[end] == o->payload[begin])
        end++;
    return end;
}

/* With hints, of which some are of what has changed since, and some of another map, the same is found. */
static bool is_recalled(const weft__range_map *map, uint64_t begin, uint64_t end)
{
    static weft__range_hints hints;
    weft__range_cursor searched, recalled;
    const weft__range *segment = weft__range_map_first_overlap(map, begin, end, &searched);
    for (int again = 0; again < 2; again++) {
        weft__range_map_ask(map, &hints, begin); /* which old hints must not mislead either */
        if (weft__range_map_recall(map, &hints, begin, end, &recalled) != segment || recalled.end != searched.end)
            return false;
        if (segment && (recalled.leaf != searched.leaf || recalled.index != searched.index))
            return false;
    }
    return true;
}

/* The segments that overlap elements [from, to), as the map iterates and as the oracle has them. */
static bool overlaps_are_right(const weft__range_map *map, const oracle *o, size_t from, size_t to)
{
    size_t i = from;
    if (!is_recalled(map, o->origin + from, o->origin + to))
        return false;
    while (i > 0 && from < to && o->payload[i - 1] == o->payload[from])
        i--;
    weft__range_cursor cursor;
    const weft__range *segment = weft__range_map_first_overlap(map, o->origin + from, o->origin + to, &cursor);
    while (i < to && from < to) {
        size_t end = end_of_run(o, i);
        if (o->payload[i] != NOTHING) {
            if (!segment || segment->begin != o->origin + i || segment->end != o->origin + end ||
                segment->payload != o->payload[i])
                return false;
            segment = weft__range_cursor_next(&cursor);
        }
        i = end;
    }
    return segment == NULL;
}

static bool map_is_right(const weft__range_map *map, const oracle *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->space; i = end_of_run(o, i))
        count += o->payload[i] != NOTHING;
    /* Half-empty leaves are merged: a map that has shrunk does not stay spread over many. */
    size_t most_leaves = 1 + 8 * count / WEFT__RANGE_LEAF_SEGMENTS;
    return weft__range_map_count(map) == count && map->leaf_count <= most_leaves &&
           overlaps_are_right(map, o, 0, o->space);
}

static bool find_is_right(const weft__range_map *map, const oracle *o, size_t at)
{
    const weft__range *segment = weft__range_map_find(map, o->origin + at);
    if (o->payload[at] == NOTHING)
        return segment == NULL;
    return segment && segment->payload == o->payload[at] && segment->begin <= o->origin + at &&
           segment->end > o->origin + at;
}

/* An update that raises payloads to a least value, fills gaps with it, and unmaps what has a payload that ends in 7. */
typedef struct raise {
    uint64_t least;
    uint64_t next; /* where the next piece must begin */
    bool wrong;
} raise;

static bool raise_payload(void *context, weft__range *piece, bool is_mapped)
{
    raise *r = context;
    r->wrong |= piece->begin != r->next || piece->begin >= piece->end || (!is_mapped && piece->payload != 0);
    r->next = piece->end;
    if (is_mapped && piece->payload % 10 == 7)
        return false;
    if (!is_mapped || piece->payload < r->least)
        piece->payload = r->least;
    return true;
}

static uint64_t raised(uint64_t payload, uint64_t least)
{
    if (payload == NOTHING)
        return least;
    if (payload % 10 == 7)
        return NOTHING;
    return payload < least ? least : payload;
}

typedef struct plan {
    size_t space;
    size_t longest;    /* of the usual ranges */
    uint64_t payloads; /* how many different ones; few of them merge often */
    uint64_t origin;
    size_t operations;
    size_t check_every; /* operations between full comparisons */
} plan;

/* One random change of both. False when the map was out of memory; the oracle is then unchanged. `*wrong` is set when
 * an update was shown wrong pieces. */
static bool change_both(weft__range_map *map, oracle *o, const plan *p, weft__rng *rng, bool *wrong, size_t range[2])
{
    uint64_t kind = weft__rng_below(rng, 1000);
    size_t longest = kind % 50 == 0 ? p->space : p->longest;
    size_t begin = weft__rng_below(rng, p->space + 1);
    size_t length = weft__rng_below(rng, longest + 1);
    size_t end = length < p->space - begin ? begin + length : p->space;
    uint64_t payload = weft__rng_below(rng, p->payloads);
    range[0] = begin;
    range[1] = end;
    if (kind < 600) {
        if (!weft__range_map_assign(map, o->origin + begin, o->origin + end, payload))
            return false;
        fill_oracle(o, begin, end, payload);
    } else if (kind < 800) {
        if (!weft__range_map_erase(map, o->origin + begin, o->origin + end))
            return false;
        fill_oracle(o, begin, end, NOTHING);
    } else if (kind < 999) {
        raise r = {.least = payload, .next = o->origin + begin};
        if (!weft__range_map_update(map, o->origin + begin, o->origin + end, raise_payload, &r))
            return false;
        *wrong |= r.wrong || r.next != o->origin + end;
        for (size_t i = begin; i < end; i++)
            o->payload[i] = raised(o->payload[i], payload);
    } else {
        weft__range_map_clear(map);
        fill_oracle(o, 0, p->space, NOTHING);
    }
    return true;
}

static const plan plans[] = {
    {.space = 6, .longest = 4, .payloads = 3, .operations = 30000, .check_every = 1},
    {.space = 40, .longest = 10, .payloads = 3, .operations = 60000, .check_every = 1},
    {.space = 40, .longest = 10, .payloads = 1000, .origin = UINT64_MAX - 40, .operations = 60000, .check_every = 1},
    {.space = 600, .longest = 5, .payloads = 1000, .origin = 1000, .operations = 60000, .check_every = 5},
    {.space = 3000, .longest = 3, .payloads = 2, .origin = 1, .operations = 60000, .check_every = 50},
    {.space = 20000,
     .longest = 6,
     .payloads = 100000,
     .origin = UINT64_MAX / 2,
     .operations = 60000,
     .check_every = 300},
};

START_TEST(random_changes_agree_with_the_oracle)
{
    const plan *p = &plans[_i];
    weft__range_map map = {0};
    oracle o = make_oracle(p->space, p->origin);
    weft__rng rng;
    weft__rng_init(&rng, (uint64_t)_i);
    bool wrong = false;
    size_t operation = 0;
    for (; operation < p->operations && !wrong; operation++) {
        size_t range[2];
        wrong |= !change_both(&map, &o, p, &rng, &wrong, range);
        wrong |= !overlaps_are_right(&map, &o, range[0], range[1]);
        size_t at = weft__rng_below(&rng, p->space);
        wrong |= !find_is_right(&map, &o, at);
        wrong |= !overlaps_are_right(&map, &o, at, at + weft__rng_below(&rng, p->space - at + 1));
        if (operation % p->check_every == 0)
            wrong |= !map_is_right(&map, &o);
    }
    wrong |= !map_is_right(&map, &o);
    weft__range_map_destroy(&map);
    free(o.payload);
    ck_assert_msg(!wrong, "the map is wrong after operation %zu of plan %d", operation, _i);
}
END_TEST

START_TEST(a_map_out_of_memory_is_unchanged)
{
    const plan *p = &(plan){.space = 1500, .longest = 4, .payloads = 10000, .origin = 5};
    weft__range_map map = {0};
    oracle o = make_oracle(p->space, p->origin);
    weft__rng rng;
    weft__rng_init(&rng, 77);
    bool wrong = false;
    size_t failures = 0;
    for (size_t operation = 0; operation < 40000 && !wrong; operation++) {
        if (operation % 700 == 0) { /* fresh maps are the ones that allocate */
            weft__range_map_destroy(&map);
            fill_oracle(&o, 0, p->space, NOTHING);
        }
        size_t range[2];
        weft_test_fail_allocation_after(weft__rng_below(&rng, 3));
        bool done = change_both(&map, &o, p, &rng, &wrong, range);
        bool failed = weft_test_stop_failing();
        wrong |= done == failed; /* a failed allocation is always reported */
        failures += failed;
        if (failed || operation % 50 == 0)
            wrong |= !map_is_right(&map, &o);
    }
    weft__range_map_destroy(&map);
    free(o.payload);
    ck_assert(!wrong);
    ck_assert_uint_gt(failures, 300);
}
END_TEST

START_TEST(every_allocation_of_a_large_update_may_fail)
{
    for (uint64_t n = 0, failed = 1; failed; n++) {
        weft__range_map map = {0};
        oracle o = make_oracle(2000, 0);
        bool ok = true;
        for (size_t i = 0; i < 2000; i += 4) {
            ok &= weft__range_map_assign(&map, i, i + 2, i);
            fill_oracle(&o, i, i + 2, i);
        }
        raise r = {.least = 1001, .next = 3};
        weft_test_fail_allocation_after(n);
        bool done = weft__range_map_update(&map, 3, 1999, raise_payload, &r);
        failed = weft_test_stop_failing();
        if (done)
            for (size_t i = 3; i < 1999; i++)
                o.payload[i] = raised(o.payload[i], 1001);
        ok &= done == !failed && map_is_right(&map, &o);
        weft__range_map_destroy(&map);
        free(o.payload);
        ck_assert(ok);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

START_TEST(empty_ranges_do_nothing)
{
    weft__range_map map = {0};
    weft__range_cursor cursor;
    raise r = {.least = 1};
    for (int round = 0; round < 2; round++) {
        ck_assert(weft__range_map_assign(&map, 5, 5, 1));
        ck_assert(weft__range_map_erase(&map, 5, 5));
        ck_assert(weft__range_map_update(&map, 5, 5, raise_payload, &r));
        ck_assert_uint_eq(r.next, 0);
        ck_assert_ptr_null(weft__range_map_first_overlap(&map, 5, 5, &cursor));
        ck_assert_ptr_null(weft__range_cursor_next(&cursor));
        ck_assert_uint_eq(weft__range_map_count(&map), (size_t)round);
        ck_assert(weft__range_map_assign(&map, 0, 10, 3));
    }
    weft__range_map_destroy(&map);
    ck_assert_uint_eq(weft__range_map_count(&map), 0);
    ck_assert_ptr_null(weft__range_map_find(&map, 5));
    weft__range_map_clear(&map);
    ck_assert(weft__range_map_erase(&map, 0, 100));
}
END_TEST

START_TEST(the_whole_space_can_be_mapped)
{
    weft__range_map map = {0};
    ck_assert(weft__range_map_assign(&map, 0, UINT64_MAX, 9));
    ck_assert_uint_eq(weft__range_map_find(&map, 0)->payload, 9);
    ck_assert_uint_eq(weft__range_map_find(&map, UINT64_MAX - 1)->payload, 9);
    ck_assert_ptr_null(weft__range_map_find(&map, UINT64_MAX));
    ck_assert(weft__range_map_erase(&map, 1, UINT64_MAX - 1));
    ck_assert_uint_eq(weft__range_map_count(&map), 2);
    ck_assert_ptr_null(weft__range_map_find(&map, 1));
    ck_assert_ptr_null(weft__range_map_find(&map, UINT64_MAX - 2));
    ck_assert_uint_eq(weft__range_map_find(&map, UINT64_MAX - 1)->begin, UINT64_MAX - 1);
    ck_assert(weft__range_map_assign(&map, 1, UINT64_MAX - 1, 9));
    ck_assert_uint_eq(weft__range_map_count(&map), 1);
    weft__range_map_destroy(&map);
}
END_TEST

static bool fill_and_clear(weft__range_map *map, size_t segments)
{
    bool ok = true;
    raise r = {.least = 3};
    for (uint64_t i = 0; i < segments; i++)
        ok &= weft__range_map_assign(map, 3 * i, 3 * i + 2, 10 * i);
    ok &= weft__range_map_erase(map, 1, 2);
    r.next = 2;
    ok &= weft__range_map_update(map, 2, 2 * segments, raise_payload, &r);
    weft__range_map_clear(map);
    return ok && weft__range_map_count(map) == 0 && !weft__range_map_find(map, 0);
}

START_TEST(steady_state_allocates_nothing)
{
    static const size_t sizes[] = {1, 4, 64, 1000};
    for (size_t k = 0; k < 4; k++) {
        weft__range_map map = {0};
        bool ok = fill_and_clear(&map, sizes[k]);
        uint64_t before = weft_test_allocations();
        for (size_t round = 0; round < 5; round++)
            ok &= fill_and_clear(&map, sizes[k]);
        uint64_t after = weft_test_allocations();
        weft__range_map_destroy(&map);
        ck_assert(ok);
        ck_assert_uint_eq(after, before);
    }
}
END_TEST

START_TEST(a_map_of_many_segments_keeps_its_order)
{
    enum {
        SEGMENTS = 100000
    };
    weft__range_map map = {0};
    bool ok = true;
    for (uint64_t i = 0; i < SEGMENTS; i++) { /* a fixed permutation, so segments arrive in no order */
        uint64_t k = i * 70001 % SEGMENTS;
        ok &= weft__range_map_assign(&map, 10 * k, 10 * k + 9, k);
    }
    ck_assert(ok);
    ck_assert_uint_eq(weft__range_map_count(&map), SEGMENTS);
    weft__range_cursor cursor;
    uint64_t next = 0;
    for (const weft__range *s = weft__range_map_first_overlap(&map, 0, UINT64_MAX, &cursor); s;
         s = weft__range_cursor_next(&cursor), next++)
        ok &= s->begin == 10 * next && s->end == 10 * next + 9 && s->payload == next;
    ck_assert(ok);
    ck_assert_uint_eq(next, SEGMENTS);
    ck_assert(weft__range_map_erase(&map, 15, 10 * SEGMENTS - 15));
    ck_assert_uint_eq(weft__range_map_count(&map), 4);
    ck_assert_uint_le(map.leaf_count, 2);
    weft__range_map_destroy(&map);
}
END_TEST

START_TEST(a_map_that_is_thinned_out_gives_up_its_leaves)
{
    enum {
        SEGMENTS = 20000,
        KEPT = 200
    };
    weft__range_map map = {0};
    bool ok = true;
    for (uint64_t i = 0; i < SEGMENTS; i++)
        ok &= weft__range_map_assign(&map, 10 * i, 10 * i + 9, i);
    size_t most = map.leaf_count;
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        uint64_t k = i * 7001 % SEGMENTS;
        if (k % (SEGMENTS / KEPT) != 0)
            ok &= weft__range_map_erase(&map, 10 * k, 10 * k + 9);
    }
    for (uint64_t k = 0; k < SEGMENTS; k += SEGMENTS / KEPT)
        ok &= weft__range_map_find(&map, 10 * k + 8) != NULL;
    size_t left = map.leaf_count;
    size_t count = weft__range_map_count(&map);
    weft__range_map_destroy(&map);
    ck_assert(ok);
    ck_assert_uint_eq(count, KEPT);
    ck_assert_uint_gt(most, SEGMENTS / WEFT__RANGE_LEAF_SEGMENTS);
    ck_assert_uint_le(left, 1 + 8 * KEPT / WEFT__RANGE_LEAF_SEGMENTS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("range_map");
    TCase *tcase = tcase_create("range_map");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, random_changes_agree_with_the_oracle, 0, sizeof plans / sizeof plans[0]);
    tcase_add_test(tcase, a_map_out_of_memory_is_unchanged);
    tcase_add_test(tcase, every_allocation_of_a_large_update_may_fail);
    tcase_add_test(tcase, empty_ranges_do_nothing);
    tcase_add_test(tcase, the_whole_space_can_be_mapped);
    tcase_add_test(tcase, steady_state_allocates_nothing);
    tcase_add_test(tcase, a_map_of_many_segments_keeps_its_order);
    tcase_add_test(tcase, a_map_that_is_thinned_out_gives_up_its_leaves);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
