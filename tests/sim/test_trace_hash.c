/* The trace hash of one fixed run, which must be the same with every compiler, at every optimisation and on every
 * machine: the numbers are whole, and nothing in it depends on addresses or on the library's logarithms. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "sim/engine/resource.h"
#include "sim/engine/signal.h"
#include "sim/engine/store.h"

/* What came out when this was written. It changes if the order of events does, or what is hashed; then say so. */
#define EXPECTED_EVENTS UINT64_C(44459)
#define EXPECTED_PS UINT64_C(1096616922784)
#define EXPECTED_HASH UINT64_C(0x997ae99c0d51c035)

enum {
    WORKERS = 24,
    ROUNDS = 300,
    NOISES = 5000
};

typedef struct scene {
    weft__rng rng;
    weft__resource channels;
    weft__store requests, responses;
    weft__signal arrived;
    weft__event_id last;
    uint64_t noises;
} scene;

static uint64_t below(scene *it, uint64_t bound)
{
    return weft__rng_below(&it->rng, bound);
}

/* Takes a channel, sends a request and waits for a response, in rounds that all must have ended. */
static void worker(weft__process *self, void *context)
{
    scene *it = context;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t units = 1 + below(it, 3);
        weft__resource_acquire(self, &it->channels, units);
        weft__process_wait(self, below(it, 5000));
        weft__store_put(self, &it->requests, below(it, 1000));
        weft__resource_release(&it->channels, units);
        weft__sim_note(weft__process_sim(self), weft__store_get(self, &it->responses));
        weft__signal_fire(&it->arrived);
        weft__signal_wait(self, &it->arrived, round * WORKERS);
    }
}

static void responder(weft__process *self, void *context)
{
    scene *it = context;
    for (uint64_t i = 0; i < (uint64_t)ROUNDS * WORKERS; i++) {
        uint64_t request = weft__store_get(self, &it->requests);
        weft__process_wait(self, 100 + request);
        weft__store_put(self, &it->responses, request * 7);
    }
}

/* Events on top: near and far, of all priorities, some of them taken back. */
static void noise(weft_sim *sim, uint64_t argument)
{
    scene *it = (scene *)(uintptr_t)argument;
    if (it->noises == NOISES)
        return;
    it->noises++;
    uint64_t delay = below(it, 16) ? below(it, 3000000) : below(it, UINT64_C(1) << 40);
    weft__event_id added = weft__sim_at(sim, weft__sim_now(sim) + delay, (int16_t)below(it, 9) - 4, noise, argument);
    (void)weft__sim_after(sim, below(it, 2), noise, argument);
    if (below(it, 2))
        (void)weft__sim_cancel(sim, it->last);
    it->last = added;
}

START_TEST(hash_is_the_same_everywhere)
{
    weft_error err;
    weft_sim *sim;
    weft__sim_info info;
    static scene it;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    weft__rng_init(&it.rng, 2026);
    weft__resource_init(&it.channels, sim, "channels", 8);
    weft__store_init(&it.requests, sim, "requests", 4);
    weft__store_init(&it.responses, sim, "responses", 2);
    weft__signal_init(&it.arrived, sim, "arrived");
    for (uint64_t i = 0; i < WORKERS; i++)
        ck_assert(weft__process_start(sim, i * 10, 0, worker, &it, "worker") != NULL);
    ck_assert(weft__process_start(sim, 5, 1, responder, &it, "responder") != NULL);
    ck_assert(weft__sim_after(sim, 0, noise, (uintptr_t)&it) != 0);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_OK);
    weft__sim_get_info(sim, &info);
    ck_assert_msg(info.events == EXPECTED_EVENTS && info.now == EXPECTED_PS && info.trace_hash == EXPECTED_HASH,
                  "%" PRIu64 " events, %" PRIu64 " ps, hash 0x%016" PRIx64, info.events, info.now, info.trace_hash);
    weft__sim_destroy(sim);
}
END_TEST

WEFT_TEST_MAIN("trace_hash", hash_is_the_same_everywhere)
