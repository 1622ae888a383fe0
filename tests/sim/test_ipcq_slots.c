/* The slots of queues: where they are, and which queues cannot be. */
#include "queue_bench.h"

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

/* ---- queues that cannot be ---- */

START_TEST(queues_that_cannot_be_are_refused)
{
    static const struct {
        weft__ipcq_pair pairs[2];
        weft_status status;
        const char *says;
    } rows[] = {
        {{{0, 0, TL_NEXT, TL_PREVIOUS}}, WEFT_INVALID_ARGUMENT, "two PEs in it"},
        {{{0, 1, 17, TL_PREVIOUS}}, WEFT_INVALID_ARGUMENT, "direction 17 of PE 0"},
        {{{0, 1, TL_NEXT, 200}}, WEFT_INVALID_ARGUMENT, "direction 200 of PE 1"},
        {{{0, 2, TL_NEXT, TL_PREVIOUS}}, WEFT_INVALID_ARGUMENT, "is not launched on both"},
        {{{7, 0, TL_NEXT, TL_PREVIOUS}}, WEFT_INVALID_ARGUMENT, "is not launched on both"},
        {{{0, 1, TL_NEXT, TL_PREVIOUS}, {0, 1, TL_NEXT, TL_WEST}},
         WEFT_INVALID_ARGUMENT,
         "one leads from next of sip0.cube0.pe0 to west of sip0.cube0.pe1"},
        {{{0, 1, TL_NEXT, TL_PREVIOUS}, {0, 1, TL_EAST, TL_PREVIOUS}}, WEFT_INVALID_ARGUMENT, "would share an end"},
    };
    tile_bench it;
    weft_error err;
    open_tile_bench(&it, "tiny", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t count = rows[i].pairs[1].to ? 2 : 1;
        const queued_launch launch = {idle_kernel, NULL, two, 2, rows[i].pairs, count, 0, 0};
        WEFT_TEST_ASSERT_STATUS(try_queued(&it, &launch, &it.run, &err), rows[i].status);
        ck_assert_msg(strstr(err.message, rows[i].says) != NULL, "%s does not say %s", err.message, rows[i].says);
        ck_assert_ptr_null(it.run);
    }
    close_tile_bench(&it);
}
END_TEST

START_TEST(queues_leave_something_of_their_memory)
{
    /* 1 MiB of TCM: rings of 512 KiB, of which two are all of it. */
    static const char *const settings[] = {"pe.ipcq.slots", "128", NULL, NULL};
    static const weft__ipcq_pair pairs[] = {{0, 1, TL_NEXT, TL_PREVIOUS}, {0, 1, TL_EAST, TL_WEST}};
    tile_bench it;
    weft_error err;
    open_tile_bench(&it, "tiny", settings);
    queued_launch launch = {idle_kernel, NULL, two, 2, pairs, 2, 0, 0};
    WEFT_TEST_ASSERT_STATUS(try_queued(&it, &launch, &it.run, &err), WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "The queues of sip0.cube0.pe1 need 2 rings of pe.ipcq.slots 128 times "
                                  "pe.ipcq.slot_bytes 4096, 1048576 bytes, and the TCM has 1048576.");
    launch.pair_count = 1;
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    close_tile_bench(&it);
}
END_TEST

/* Elsewhere they have a part of their own: of 1 MiB of SRAM half. */
START_TEST(queues_keep_to_their_part_of_the_memory)
{
    static const char *const settings[] = {"pe.ipcq.memory", "sram", "pe.ipcq.slots", "40", NULL, NULL};
    weft__ipcq_pair pairs[4];
    tile_bench it;
    weft_error err;
    for (uint32_t i = 0; i < 4; i++)
        pairs[i] = (weft__ipcq_pair){0, 1, (uint8_t)i, (uint8_t)i};
    open_tile_bench(&it, "tiny", settings);
    ck_assert_uint_eq(weft__ipcq_kept_bytes(it.base.graph, WEFT__REGION_SRAM), 1 << 19);
    ck_assert_uint_eq(weft__ipcq_kept_bytes(it.base.graph, WEFT__REGION_HBM), 0);
    ck_assert_uint_eq(weft__ipcq_kept_bytes(it.base.graph, WEFT__REGION_TCM), 0);
    queued_launch launch = {idle_kernel, NULL, two, 2, pairs, 4, 0, 0};
    WEFT_TEST_ASSERT_STATUS(try_queued(&it, &launch, &it.run, &err), WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "The queues of sip0.cube0.pe0 need 4 rings of pe.ipcq.slots 40 times "
                                  "pe.ipcq.slot_bytes 4096, 655360 bytes, and the SRAM has 524288 left for them.");
    launch.pair_count = 3;
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    close_tile_bench(&it);
}
END_TEST

/* ---- where slots are ---- */

/* Which slots were written. */
typedef struct slot_notes {
    uint64_t addresses[16];
    uint32_t nodes[16];
    uint64_t offsets[16], numbers[16];
    uint8_t directions[16];
    size_t count;
} slot_notes;

static void note_slot(void *context, weft__ipcq_message *message)
{
    slot_notes *notes = context;
    notes->addresses[notes->count] = message->slot_address;
    notes->nodes[notes->count] = message->slot.node;
    notes->numbers[notes->count] = message->number;
    notes->directions[notes->count] = message->to_direction;
    notes->offsets[notes->count++] = message->slot.offset_bytes;
}

/* The first PE sends to the second, twice in each direction. */
static void filling_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < 4; i++) {
        if (is_first(tl))
            tl_wait(tl, tl_send(tl, i < 2 ? TL_EAST : TL_NEXT, own_tensor(tl, 64)));
        else
            (void)receive(tl, i < 2 ? TL_WEST : TL_PREVIOUS, 64);
    }
}

static void check_slots(const char *memory, weft__region region, uint32_t to, uint64_t end_of_ring)
{
    const char *const settings[] = {"pe.ipcq.memory", memory, "pe.ipcq.slots", "2", NULL, NULL};
    const uint32_t pes[] = {0, to};
    const weft__ipcq_pair pairs[] = {
        {0, to, TL_NEXT, TL_PREVIOUS}, {0, to, TL_EAST, TL_WEST}, {to, 0, TL_PREVIOUS, TL_NEXT}};
    tile_bench it;
    slot_notes notes = {.count = 0};
    const weft__pe_recorder recorder = {.slot_written = note_slot, .context = &notes};
    open_tile_bench(&it, "two-sip", settings);
    weft__pes_record(it.pes, &recorder);
    run_queued(&it, &(queued_launch){filling_kernel, NULL, pes, 2, pairs, 3, 0, 0});
    ck_assert_uint_eq(notes.count, 4);
    uint64_t bytes = weft__region_bytes(it.base.graph, region) - end_of_ring;
    for (uint64_t i = 0; i < 4; i++) {
        /* West comes before previous, so its ring does. */
        uint64_t offset = bytes - (notes.directions[i] == TL_WEST ? 4u : 2u) * 4096 + notes.numbers[i] * 4096;
        ck_assert_uint_eq(notes.offsets[i], offset);
        weft__location location;
        weft_error err;
        WEFT_TEST_ASSERT_OK(weft__address_resolve(it.base.graph, notes.addresses[i], 4096, &location, &err), err);
        ck_assert_int_eq(location.region, region);
        ck_assert_uint_eq(location.node, notes.nodes[i]);
        ck_assert_uint_eq(location.offset, offset);
        ck_assert_uint_eq(location.cube, to / 8);
        ck_assert_uint_eq(location.unit, region == WEFT__REGION_SRAM ? 0 : to % 8);
    }
    close_tile_bench(&it);
}

START_TEST(slots_lie_at_the_end_of_their_memory)
{
    check_slots("tcm", WEFT__REGION_TCM, 3, 0);
    check_slots("hbm", WEFT__REGION_HBM, 3, 0);
    check_slots("hbm", WEFT__REGION_HBM, 13, 0);
    check_slots("sram", WEFT__REGION_SRAM, 13, 0);
    check_slots("sram", WEFT__REGION_SRAM, 3, 0); /* those of PE 0 are before those of PE 3 */
}
END_TEST

START_TEST(launches_that_live_together_share_an_sram)
{
    static const char *const settings[] = {"pe.ipcq.memory", "sram", NULL, NULL};
    static const uint32_t pes[][2] = {{0, 1}, {2, 3}};
    tile_bench it;
    weft_error err;
    slot_notes notes = {.count = 0};
    const weft__pe_recorder recorder = {.slot_written = note_slot, .context = &notes};
    weft__kernel_run *runs[2];
    open_tile_bench(&it, "two-sip", settings);
    weft__pes_record(it.pes, &recorder);
    for (int i = 0; i < 2; i++) {
        const weft__ipcq_pair pairs[] = {{pes[i][0], pes[i][1], TL_NEXT, TL_PREVIOUS},
                                         {pes[i][0], pes[i][1], TL_EAST, TL_WEST}};
        const queued_launch launch = {filling_kernel, NULL, pes[i], 2, pairs, 2, 0, 0};
        WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &runs[i], &err), err);
    }
    run_bench_dry(&it.base);
    ck_assert_uint_eq(notes.count, 8);
    for (size_t i = 0; i < notes.count; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(notes.addresses[i], notes.addresses[j]);
    weft__kernel_run_destroy(runs[0]);
    /* What has ended needs no slots any more, also while somebody looks at it. */
    const uint64_t last = notes.addresses[7];
    const weft__ipcq_pair pairs[] = {{2, 3, TL_NEXT, TL_PREVIOUS}, {2, 3, TL_EAST, TL_WEST}};
    const queued_launch launch = {filling_kernel, NULL, pes[1], 2, pairs, 2, 0, 0};
    notes.count = 0;
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &runs[0], &err), err);
    run_bench_dry(&it.base);
    ck_assert_uint_eq(notes.count, 4);
    ck_assert_uint_ge(notes.addresses[3], last);
    weft__kernel_run_destroy(runs[0]);
    weft__kernel_run_destroy(runs[1]);
    close_tile_bench(&it);
}
END_TEST

static weft_status lay(const tile_bench *it, const weft__ipcq_pair *pairs, size_t count, weft__ipcq **out,
                       weft_error *err)
{
    return weft__ipcq_create(it->pes, pairs, count, out, err);
}

/* Of 512 KiB, three rings of 160 KiB are 480. */
START_TEST(what_ended_launches_leave_is_taken_again)
{
    static const char *const settings[] = {"pe.ipcq.memory", "sram", "pe.ipcq.slots", "40", NULL, NULL};
    static const weft__ipcq_pair there[] = {{0, 1, TL_NEXT, TL_PREVIOUS}, {0, 1, TL_EAST, TL_WEST}};
    tile_bench it;
    weft_error err;
    weft__ipcq *live[3], *more;
    open_tile_bench(&it, "tiny", settings);
    for (int i = 0; i < 3; i++)
        WEFT_TEST_ASSERT_OK(lay(&it, there, 1, &live[i], &err), err);
    WEFT_TEST_ASSERT_STATUS(lay(&it, there, 1, &more, &err), WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "The queues of sip0.cube0.pe0 need 1 rings of pe.ipcq.slots 40 times "
                                  "pe.ipcq.slot_bytes 4096, 163840 bytes, and the SRAM has 32768 left for them.");
    /* In a chain, each new one has the place of the oldest. */
    for (int i = 0; i < 12; i++) {
        weft__ipcq_destroy(live[i % 3]);
        WEFT_TEST_ASSERT_OK(lay(&it, there, 1, &live[i % 3], &err), err);
    }
    weft__ipcq_destroy(live[0]);
    weft__ipcq_destroy(live[2]);
    WEFT_TEST_ASSERT_STATUS(lay(&it, there, 2, &more, &err), WEFT_OUT_OF_MEMORY);
    ck_assert_ptr_nonnull(strstr(err.message, "327680 bytes, and the SRAM has 360448 left for them, in pieces."));
    /* Those of one PE lie together, of two they need not. */
    WEFT_TEST_ASSERT_OK(lay(&it, both_ways, 2, &more, &err), err);
    weft__ipcq_destroy(more);
    weft__ipcq_destroy(live[1]);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("ipcq_slots", queues_that_cannot_be_are_refused, queues_leave_something_of_their_memory,
               queues_keep_to_their_part_of_the_memory, slots_lie_at_the_end_of_their_memory,
               launches_that_live_together_share_an_sram, what_ended_launches_leave_is_taken_again)
