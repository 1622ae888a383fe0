/* What collectives take, against formulas whose terms small kernels measure. */
#include "collective_bench.h"

#define RANKS_MAX 128u

/* What the kernels of a launch note; by rank. */
typedef struct notes {
    uint64_t begin_ps[RANKS_MAX], end_ps[RANKS_MAX];
} notes;

typedef struct timed {
    collective which;
    uint64_t bytes;    /* of each rank's tensor, or of a message */
    uint64_t messages; /* of a stream */
    uint32_t sender;
    notes *notes;
} timed;

static tl_tensor floats(weft_tile *tl, uint64_t bytes)
{
    return tl_full(tl, weft_shape_1d(bytes / 2), WEFT_F16, 1);
}

static uint64_t last_end(const notes *of, uint32_t ranks)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < ranks; i++)
        end = of->end_ps[i] > end ? of->end_ps[i] : end;
    return end;
}

/* Times alone. */
static void run_timed(const simulation_bench *bench, weft_tile_kernel *kernel, const timed *work, weft_pe_set pes)
{
    const weft_launch_options options = {.kernel = kernel,
                                         .arguments = work,
                                         .pes = pes,
                                         .queues = WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING};
    (void)run_launch(bench, &options);
}

static simulation_bench open_timed(const char *machine, const char *const *settings)
{
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    return open_simulation(machine, settings, &options);
}

static void collective_kernel(weft_tile *tl, const void *arguments)
{
    const timed *work = arguments;
    const trial it = {.which = work->which};
    tl_tensor x = floats(tl, work->bytes);
    uint32_t me = tl_program_id(tl, TL_AXIS_ALL);
    work->notes->begin_ps[me] = tl_now_ps(tl);
    (void)call_collective(tl, &it, x);
    work->notes->end_ps[me] = tl_now_ps(tl);
}

/* From the first who begins, which all do at once, to the last who is done. */
static uint64_t collective_ps(const simulation_bench *bench, collective which, uint64_t bytes, weft_pe_set pes)
{
    uint32_t ranks;
    weft_error err;
    notes noted = {{0}, {0}};
    const timed work = {.which = which, .bytes = bytes, .notes = &noted};
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(bench->machine, &pes, &ranks, &err), err);
    run_timed(bench, collective_kernel, &work, pes);
    return last_end(&noted, ranks) - noted.begin_ps[0];
}

/* ---- a ring ---- */

#define POSTED 8u

/* Messages of the largest share: enough for the latencies to be less than a twentieth. */
#define SHARE_MESSAGES 64u

/* Messages from one rank to the next; notes when the first one and the last one are there. */
static void stream_kernel(weft_tile *tl, const void *arguments)
{
    const timed *work = arguments;
    uint32_t me = tl_program_id(tl, TL_AXIS_RANK), ranks = tl_num_programs(tl, TL_AXIS_RANK);
    tl_tensor x = floats(tl, work->bytes);
    if (me == work->sender) {
        work->notes->begin_ps[0] = tl_now_ps(tl);
        for (uint64_t i = 0; i < work->messages; i++)
            (void)tl_send(tl, TL_NEXT, x);
    } else if (me == (work->sender + 1) % ranks) {
        tl_command receives[POSTED];
        uint64_t posted = 0;
        for (uint64_t i = 0; i < work->messages; i++) {
            for (; posted < work->messages && posted < i + POSTED; posted++)
                receives[posted % POSTED] = tl_recv_async(tl, TL_PREVIOUS, x.shape, x.dtype);
            (void)tl_recv_wait(tl, receives[i % POSTED]);
            work->notes->end_ps[i == 0 ? 0 : 1] = tl_now_ps(tl);
        }
    }
}

static void add_once_kernel(weft_tile *tl, const void *arguments)
{
    const timed *work = arguments;
    tl_tensor x = floats(tl, work->bytes), place = tl_empty(tl, x.shape, x.dtype);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_ADD, .a = x, .b = x, .out = place.address, .dtype = x.dtype};
    work->notes->begin_ps[0] = tl_now_ps(tl);
    tl_wait(tl, tl_composite(tl, &request));
    work->notes->end_ps[0] = tl_now_ps(tl);
}

/* A step of the ring: bytes of a message over its bandwidth, and what comes on top of that, in ps. */
typedef struct step {
    double ps_per_byte, latency_ps;
} step;

/* The slowest bandwidth of all steps, their mean latency. */
static step measure_step(const simulation_bench *bench, uint64_t message_bytes, weft_pe_set pes, uint32_t ranks)
{
    step found = {0, 0};
    double alone_ps = 0;
    for (uint32_t sender = 0; sender < ranks; sender++) {
        notes noted = {{0}, {0}};
        timed work = {.bytes = message_bytes, .messages = 20, .sender = sender, .notes = &noted};
        run_timed(bench, stream_kernel, &work, pes);
        double each = (double)(noted.end_ps[1] - noted.end_ps[0]) / (19 * (double)message_bytes);
        found.ps_per_byte = each > found.ps_per_byte ? each : found.ps_per_byte;
        alone_ps += (double)(noted.end_ps[0] - noted.begin_ps[0]) / ranks;
    }
    found.latency_ps = alone_ps - found.ps_per_byte * (double)message_bytes;
    return found;
}

static double reduce_ps(const simulation_bench *bench, uint64_t message_bytes, weft_pe_set pes)
{
    notes noted = {{0}, {0}};
    const timed work = {.bytes = message_bytes, .notes = &noted};
    pes.pes = 1;
    run_timed(bench, add_once_kernel, &work, pes);
    return (double)(noted.end_ps[0] - noted.begin_ps[0]);
}

/* The formula counts with messages that are under way while others are sent, and with reductions that take less than
 * the link: so the vector unit and the TCM are fast here, and slots large enough for the link never to wait for a
 * credit. */
#define SLOT_BYTES 16384u
#define RING_MACHINE                                                                                                   \
    "pe.tcm_kib", "65536", "pe.ipcq.slot_bytes", "16384", "pe.ipcq.slots", "8", "pe.math.lanes", "4096",               \
        "pe.tcm.read_gbs", "4096", "pe.tcm.write_gbs", "4096"

static const struct {
    const char *const settings[18];
    weft_pe_set pes;
} rings[] = {
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 1, .pes = 2}},
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 1, .pes = 3}},
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 1, .pes = 5}},
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 1, .pes = 8}},
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 2, .pes = 1}},
    {{RING_MACHINE, NULL}, {.sips = 1, .cubes = 4, .pes = 1}},
    {{RING_MACHINE, "sip.rows", "2", "sip.columns", "2", NULL}, {.sips = 1, .cubes = 4, .pes = 1}},
    {{RING_MACHINE, NULL}, {.sips = 2, .cubes = 1, .pes = 1}},
};

/* Checks a time against 2 (n - 1) steps of a share each, or n - 1. */
static void check_steps(const simulation_bench *bench, collective which, uint64_t share_bytes, weft_pe_set pes)
{
    uint32_t ranks;
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(bench->machine, &pes, &ranks, &err), err);
    step one = measure_step(bench, SLOT_BYTES, pes, ranks);
    double steps = (which == ALL_REDUCE_RING ? 2.0 : 1.0) * (ranks - 1);
    double formula = steps * (one.ps_per_byte * (double)share_bytes + one.latency_ps);
    /* A share of one message is reduced whole before it goes on; of others what is not hidden is the last message. */
    if (which != ALL_GATHER)
        formula += (share_bytes == SLOT_BYTES ? ranks - 1 : 1) * reduce_ps(bench, SLOT_BYTES, pes);
    double taken = (double)collective_ps(bench, which, which == ALL_GATHER ? share_bytes : share_bytes * ranks, pes);
    bool holds = taken <= 1.05 * formula;
    /* In between, the messages of a share go on while the rest of it still comes: steps overlap, and hide latencies. */
    if (share_bytes == SLOT_BYTES || share_bytes >= SHARE_MESSAGES * SLOT_BYTES)
        holds = holds && taken >= 0.95 * formula;
    ck_assert_msg(holds, "collective %d, %u ranks, shares of %d bytes: %.3f ns, the formula says %.3f ns", (int)which,
                  ranks, (int)share_bytes, taken / 1000, formula / 1000);
}

START_TEST(a_ring_takes_what_the_formula_says)
{
    simulation_bench bench = open_timed("two-sip", rings[_i].settings);
    static const collective all[] = {ALL_REDUCE_RING, ALL_GATHER, REDUCE_SCATTER};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (uint64_t messages = 1; messages <= SHARE_MESSAGES; messages *= 2)
            check_steps(&bench, all[i], messages * SLOT_BYTES, rings[_i].pes);
    close_simulation(&bench);
}
END_TEST

/* ---- a centre ---- */

/* What an access to a slot takes in each memory, as published for the root's machine. */
static uint64_t slot_ps(const char *memory, uint64_t bytes)
{
    if (strcmp(memory, "tcm") == 0)
        return bytes * 1000 / 512;
    if (strcmp(memory, "sram") == 0)
        return 2000 + bytes * 1000 / 512 + bytes * 1000 / 128;
    return 6000 + bytes * 1000 / 256 + bytes * 1000 / 256;
}

static uint64_t centre_ps(const char *memory, uint64_t bytes)
{
    const char *const settings[] = {
        "pe.ipcq.memory", memory, "pe.ipcq.slot_bytes", "65536", "pe.tcm_kib", "8192", NULL, NULL};
    simulation_bench bench = open_timed("six-sip-torus", settings);
    uint64_t ps = collective_ps(&bench, ALL_REDUCE_CENTRE, bytes, (weft_pe_set){.pes = 1});
    close_simulation(&bench);
    return ps;
}

START_TEST(twelve_transfers_are_on_the_critical_path)
{
    /* 2 + 2 to the centre of a SIP of 4 x 4 cubes, 1 + 1 to that of 3 x 2 SIPs, and as many back; each is written to a
     * slot and read from there. */
    static const uint64_t sizes[] = {64, 256, 2048, 4096, 16384, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t bytes = sizes[i], tcm = centre_ps("tcm", bytes), slot = slot_ps("tcm", bytes);
        ck_assert_uint_eq(centre_ps("sram", bytes) - tcm, 12 * 2 * (slot_ps("sram", bytes) - slot));
        ck_assert_uint_eq(centre_ps("hbm", bytes) - tcm, 12 * 2 * (slot_ps("hbm", bytes) - slot));
    }
}
END_TEST

START_TEST(messages_of_a_tensor_overlap)
{
    /* Along a path of 12 transfers, 16 messages take less than thrice as long as one of them. */
    simulation_bench bench = open_timed("six-sip-torus", NULL);
    uint64_t one = collective_ps(&bench, ALL_REDUCE_CENTRE, 4096, (weft_pe_set){.pes = 1});
    uint64_t many = collective_ps(&bench, ALL_REDUCE_CENTRE, 65536, (weft_pe_set){.pes = 1});
    ck_assert_uint_lt(many, 3 * one);
    /* The centre is for what is small, the mesh for what is large. */
    ck_assert_uint_lt(one, collective_ps(&bench, ALL_REDUCE_MESH, 4096, (weft_pe_set){.pes = 1}));
    ck_assert_uint_gt(many, collective_ps(&bench, ALL_REDUCE_MESH, 65536, (weft_pe_set){.pes = 1}));
    close_simulation(&bench);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collective_time");
    TCase *tests = tcase_create("collective_time");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, a_ring_takes_what_the_formula_says, 0, (int)(sizeof rings / sizeof rings[0]));
    tcase_add_test(tests, twelve_transfers_are_on_the_critical_path);
    tcase_add_test(tests, messages_of_a_tensor_overlap);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
