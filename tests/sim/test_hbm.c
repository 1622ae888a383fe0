/* The HBM controller: which pseudo-channel serves a chunk, and when. Times are worked out from the definition in hbm.h:
 * 256 bytes at 32 GB/s are 8 ns. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "sim/fabric/hbm.h"
#include "support/machine_specs.h"

enum {
    READ,
    WRITE
};

static weft__hbm controller(uint32_t channels, uint32_t flit_bytes, double channel_gbs, double turnaround_ns,
                            double open_ns)
{
    weft__machine_spec spec = tiny();
    spec.system.flit_bytes = flit_bytes;
    spec.cube.hbm.channels = channels;
    spec.cube.hbm.channel_gbs = channel_gbs;
    spec.cube.hbm.turnaround_ns = turnaround_ns;
    spec.cube.hbm.open_ns = open_ns;
    weft__hbm hbm;
    weft__hbm_init(&hbm, &spec);
    return hbm;
}

/* That of most tests: 8 channels of 8 ns, and nothing is lost between chunks. */
static weft__hbm plain(void)
{
    return controller(8, 256, 32, 0, 0);
}

/* True if two chunks that come together are served one after the other. */
static bool collide(const weft__hbm *fresh, uint64_t one, uint64_t other)
{
    weft__hbm hbm = *fresh;
    uint64_t opened = 0;
    ck_assert_uint_eq(weft__hbm_serve(&hbm, one, false, 0, &opened), hbm.chunk_ps);
    weft__time end = weft__hbm_serve(&hbm, other, false, 0, &opened);
    ck_assert(end == hbm.chunk_ps || end == 2 * hbm.chunk_ps);
    return end == 2 * hbm.chunk_ps;
}

/* The channel of an offset, found by trying all of them. */
static uint64_t channel_of(const weft__hbm *fresh, uint64_t offset)
{
    uint64_t found = UINT64_MAX;
    for (uint64_t channel = 0; channel < fresh->channels; channel++) {
        if (!collide(fresh, channel * fresh->flit_bytes, offset))
            continue;
        ck_assert_uint_eq(found, UINT64_MAX);
        found = channel;
    }
    return found;
}

START_TEST(bits_10_to_8_choose_the_channel)
{
    static const struct {
        uint64_t offset, channel;
    } rows[] = {
        {0x0, 0},
        {0xff, 0},
        {0x100, 1},
        {0x1ff, 1},
        {0x200, 2},
        {0x6ff, 6},
        {0x700, 7},
        {0x7ff, 7},
        {0x800, 0},
        {0xb42, 3},
        {0xfff, 7},
        {0x1000, 0},
        {0x12345600, 6},
        {(uint64_t)6 << 30, 0},
        {((uint64_t)6 << 30) + 0x500, 5},
        {((uint64_t)1 << 40) - 1, 7},
        {UINT64_MAX - 0x2ff, 5},
    };
    weft__hbm hbm = plain();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(channel_of(&hbm, rows[i].offset) == rows[i].channel,
                      "offset %#" PRIx64 " is served by channel %" PRIu64 ", not %" PRIu64, rows[i].offset,
                      channel_of(&hbm, rows[i].offset), rows[i].channel);
}
END_TEST

START_TEST(the_burst_moves_the_bits)
{
    static const uint32_t flits[] = {8, 64, 128, 512, 4096};
    for (size_t i = 0; i < sizeof flits / sizeof flits[0]; i++) {
        weft__hbm hbm = controller(8, flits[i], 32, 0, 0);
        for (uint64_t chunk = 0; chunk < 20; chunk++) {
            ck_assert_uint_eq(channel_of(&hbm, chunk * flits[i]), chunk % 8);
            ck_assert_uint_eq(channel_of(&hbm, chunk * flits[i] + flits[i] - 1), chunk % 8);
        }
    }
    /* 64 bytes at 32 GB/s are 2 ns, 4 KiB are 128 ns. */
    ck_assert_uint_eq(controller(8, 64, 32, 0, 0).chunk_ps, 2000);
    ck_assert_uint_eq(controller(8, 4096, 32, 0, 0).chunk_ps, 128000);
    /* 256 / 100.3 = 2.55234... ns, and a started picosecond counts. */
    ck_assert_uint_eq(controller(8, 256, 100.3, 0, 0).chunk_ps, 2553);
}
END_TEST

START_TEST(one_two_and_sixty_four_channels)
{
    static const uint32_t counts[] = {1, 2, 64};
    for (size_t i = 0; i < 3; i++) {
        uint64_t channels = counts[i];
        weft__hbm hbm = controller(counts[i], 256, 32, 0, 50);
        uint64_t opened = 0, others = 0;
        for (uint64_t chunk = 0; chunk < 3 * channels; chunk++)
            ck_assert_uint_eq(weft__hbm_serve(&hbm, 256 * chunk, false, 0, &opened), 8000 * (chunk / channels + 1));
        /* The highest channel must be remembered as opened like the lowest: only a stranger pays for it. */
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 256 * (channels - 1), false, 0, &opened), 32000);
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 256 * (channels - 1), false, 0, &others), 32000 + 50000 + 8000);
        ck_assert_uint_eq(hbm.chunks, 3 * channels + 2);
        ck_assert_uint_eq(hbm.busy_ps, 8000 * (3 * channels + 2));
    }
}
END_TEST

START_TEST(strides_use_the_channels_that_they_touch)
{
    /* Eight chunks that come together, each this far from the last, on so many channels. */
    static const struct {
        uint64_t stride, channels;
    } rows[] = {{0, 1}, {256, 8}, {512, 4}, {768, 8}, {1024, 2}, {1280, 8}, {1536, 4}, {2048, 1}, {2304, 8}, {4096, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft__hbm hbm = plain();
        uint64_t opened = 0;
        weft__time last = 0;
        for (uint64_t chunk = 0; chunk < 8; chunk++) {
            weft__time end = weft__hbm_serve(&hbm, chunk * rows[i].stride, false, 5000, &opened);
            last = end > last ? end : last;
        }
        ck_assert_uint_eq(last, 5000 + 8000 * (8 / rows[i].channels));
    }
}
END_TEST

START_TEST(one_address_is_served_in_order)
{
    weft__hbm hbm = plain();
    uint64_t opened = 0;
    for (uint64_t i = 0; i < 10; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x300, i % 3 == 0, 1000 * i, &opened), 8000 * (i + 1));
    /* After that it waits for nobody. */
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x300, false, 80001, &opened), 88001);
    /* And its neighbours never did. */
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x200, false, 80001, &opened), 88001);
}
END_TEST

START_TEST(aligned_transfers_collide_and_halves_do_not)
{
    /* Two of 2 KiB: every channel serves one chunk of each. */
    weft__hbm hbm = plain();
    uint64_t one = 0, other = 0;
    for (uint64_t i = 0; i < 8; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x8000 + 256 * i, false, 0, &one), 8000);
    for (uint64_t i = 0; i < 8; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x4000 + 256 * i, true, 0, &other), 16000);
    /* Two of 1 KiB, the second on the other half of the channels. */
    hbm = plain();
    one = other = 0;
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x8000 + 256 * i, false, 0, &one), 8000);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x4400 + 256 * i, true, 0, &other), 8000);
}
END_TEST

START_TEST(a_change_of_direction_takes_time)
{
    /* 6 ns of turnaround. Chunks of one transaction and of one channel. */
    static const struct {
        bool is_write;
        uint64_t arrival, end;
    } rows[] = {
        {WRITE, 1000, 9000},    /* a fresh channel turns to nothing */
        {WRITE, 1000, 17000},   /* the same direction */
        {READ, 2000, 31000},    /* 17 + 6 + 8 */
        {READ, 31000, 39000},   /* not again */
        {WRITE, 41500, 53000},  /* idle for 2.5 ns of the 6 */
        {READ, 59000, 67000},   /* idle for exactly 6 */
        {WRITE, 90000, 98000},  /* idle for longer */
        {READ, 103999, 112000}, /* for one picosecond less than 6 ns */
    };
    weft__hbm hbm = controller(8, 256, 32, 6, 0);
    uint64_t opened = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x700, rows[i].is_write, rows[i].arrival, &opened), rows[i].end);
    /* Each channel turns for itself: this one has done nothing yet. */
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x600, WRITE, 104000, &opened), 112000);
    ck_assert_uint_eq(hbm.busy_ps, 9 * 8000);
}
END_TEST

START_TEST(a_transaction_opens_a_channel_once)
{
    /* 14 ns to open, and 6 more to turn round. Three transactions on one channel. */
    static const struct {
        size_t transaction;
        bool is_write;
        uint64_t arrival, end;
    } rows[] = {
        {0, READ, 0, 8000},         /* nothing came before */
        {0, READ, 0, 16000},        /* its row is open */
        {1, READ, 0, 38000},        /* 16 + 14 + 8 */
        {1, READ, 0, 46000},        /* its row is open, too */
        {0, READ, 0, 54000},        /* only the first chunk of a transaction pays */
        {2, WRITE, 0, 82000},       /* both: 54 + 6 + 14 + 8 */
        {0, READ, 0, 96000},        /* 82 + 6 + 8 */
        {3, READ, 99000, 118000},   /* idle for 3 ns of the 14 */
        {4, READ, 132000, 140000},  /* for exactly 14 */
        {5, WRITE, 160000, 168000}, /* for 20, which hides both */
        {6, READ, 187999, 196000},  /* for one picosecond less than both need */
    };
    weft__hbm hbm = controller(4, 256, 32, 6, 14);
    uint64_t opened[7] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(weft__hbm_serve(&hbm, 0x300, rows[i].is_write, rows[i].arrival, &opened[rows[i].transaction]) ==
                          rows[i].end,
                      "chunk %zu", i);
    for (size_t i = 0; i < 7; i++)
        ck_assert_uint_eq(opened[i], 1u << 3);
    /* Opened is opened for one channel. */
    uint64_t mine = 0;
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x200, READ, 200000, &opened[0]), 208000);
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 0x200, READ, 200000, &mine), 230000);
    ck_assert_uint_eq(opened[0], 1u << 3 | 1u << 2);
    ck_assert_uint_eq(mine, 1u << 2);
}
END_TEST

/* A chunk of channel 3 by its number there, for a transaction of its own. */
static uint64_t serve_alone(weft__hbm *hbm, uint64_t chunk, uint64_t arrival)
{
    uint64_t mine = 0;
    return weft__hbm_serve(hbm, (chunk * hbm->channels + 3) * 256, READ, arrival, &mine);
}

START_TEST(a_row_stays_open_until_its_last_chunk)
{
    /* Rows of 4 chunks, 14 ns to open one. Chunks come while the channel is busy, each of another transaction. */
    static const struct {
        uint64_t chunk, end;
    } rows[] = {
        {1, 8},    /* nothing came before */
        {2, 16},   /* the same row */
        {1, 24},   /* once more, and back */
        {3, 32},   /* its last, with which it is closed */
        {3, 54},   /* so that it must be opened */
        {4, 76},   /* another row */
        {5, 84},   /* goes on in that */
        {6, 92},   /* and on */
        {1, 114},  /* another */
        {5, 136},  /* there and back is no going on */
        {65, 158}, /* the same chunk of a row, far away */
    };
    weft__hbm hbm = controller(8, 256, 32, 0, 14);
    hbm.row_flits = 4;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(serve_alone(&hbm, rows[i].chunk, 1) == 1000 * rows[i].end + 1, "chunk %zu", i);
    /* A transaction that goes on to another row has that opened while it is served. */
    uint64_t mine = 0;
    for (uint64_t chunk = 66; chunk < 80; chunk++)
        ck_assert_uint_eq(weft__hbm_serve(&hbm, (chunk * 8 + 3) * 256, READ, 158001, &mine),
                          158001 + 8000 * (chunk - 65));
    /* Each channel has a row of its own. */
    ck_assert_uint_eq(weft__hbm_serve(&hbm, 2 * 256, READ, 158001, &mine), 166001);
    ck_assert_uint_eq(serve_alone(&hbm, 80, 158001), 158001 + 14 * 8000 + 14000 + 8000);
}
END_TEST

START_TEST(a_row_of_one_chunk_is_never_open)
{
    weft__hbm hbm = controller(8, 256, 32, 0, 14);
    hbm.row_flits = 1;
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_uint_eq(serve_alone(&hbm, 0, 0), 8000 * (i + 1) + 14000 * i);
}
END_TEST

/* ---- the definition once more, in the plainest way ---- */

typedef struct plain_channel {
    bool is_fresh, has_written;
    uint64_t free_at;
    uint64_t row_begin, row_end; /* of the open row, in chunks of the channel; no row is open if it ends at 0 */
} plain_channel;

START_TEST(random_chunks_are_served_as_defined)
{
    static const uint32_t counts[] = {1, 2, 4, 8, 16, 64}, flits[] = {64, 256, 1024};
    weft__rng rng;
    weft__rng_init(&rng, 20);
    for (uint64_t round = 0; round < 60; round++) {
        uint32_t count = counts[round % 6], flit = flits[round % 3];
        uint64_t turn = weft__rng_below(&rng, 9), open = weft__rng_below(&rng, 20), chunk = flit / 32u * 1000u;
        weft__hbm hbm = controller(count, flit, 32, (double)turn, (double)open);
        hbm.row_flits = round % 4 ? weft__rng_below(&rng, 5) : 0;
        plain_channel channels[64];
        for (size_t i = 0; i < 64; i++)
            channels[i] = (plain_channel){.is_fresh = true};
        bool has_opened[5][64] = {{false}};
        uint64_t masks[5] = {0}, now = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t owner = weft__rng_below(&rng, 5), offset = weft__rng_next_u64(&rng) >> weft__rng_below(&rng, 50);
            uint64_t index = offset / flit % count;
            bool is_write = weft__rng_below(&rng, 3) == 0;
            now += weft__rng_below(&rng, 2 * chunk / count + 2);
            plain_channel *channel = &channels[index];
            uint64_t lost = channel->has_written != is_write ? 1000 * turn : 0;
            uint64_t chunk_of_channel = offset / flit / count;
            bool is_in_row = channel->row_begin <= chunk_of_channel && chunk_of_channel < channel->row_end;
            lost += has_opened[owner][index] || is_in_row ? 0 : 1000 * open;
            uint64_t row_begin = hbm.row_flits ? chunk_of_channel - chunk_of_channel % hbm.row_flits : 0;
            bool is_last = hbm.row_flits == 0 || chunk_of_channel == row_begin + hbm.row_flits - 1;
            uint64_t begin = channel->is_fresh || channel->free_at + lost < now ? now : channel->free_at + lost;
            *channel =
                (plain_channel){false, is_write, begin + chunk, row_begin, is_last ? 0 : row_begin + hbm.row_flits};
            has_opened[owner][index] = true;
            ck_assert_uint_eq(weft__hbm_serve(&hbm, offset, is_write, now, &masks[owner]), begin + chunk);
        }
        ck_assert_uint_eq(hbm.chunks, 2000);
        ck_assert_uint_eq(hbm.busy_ps, 2000 * chunk);
    }
}
END_TEST

WEFT_TEST_MAIN("hbm", bits_10_to_8_choose_the_channel, the_burst_moves_the_bits, one_two_and_sixty_four_channels,
               strides_use_the_channels_that_they_touch, one_address_is_served_in_order,
               aligned_transfers_collide_and_halves_do_not, a_change_of_direction_takes_time,
               a_transaction_opens_a_channel_once, a_row_stays_open_until_its_last_chunk,
               a_row_of_one_chunk_is_never_open, random_chunks_are_served_as_defined)
