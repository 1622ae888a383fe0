/* The pool and the gate under it. A lost wake-up or a task that is not handed out shows as a hang, which the time limit
 * of ctest ends; a task that runs twice, late or with another run's context as a wrong sum; a missing order of memory
 * under the thread sanitizer. The suite is built a second time over the portable gate. */
#include "support/weft_check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/threads.h"
#include "support/failing_malloc.h"

/* The link replaces pthread_create by this wrapper. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

static int creations_before_failure = -1; /* -1: never fails */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (creations_before_failure == 0)
        return EAGAIN;
    if (creations_before_failure > 0)
        creations_before_failure--;
    return __real_pthread_create(thread, attributes, start, argument);
}

static weft__threads *make_threads(size_t count, int32_t spins)
{
    weft__threads *threads;
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__threads_create(count, spins, &threads, &err), err);
    ck_assert_ptr_nonnull(threads);
    ck_assert_uint_eq(weft__threads_count(threads), count);
    return threads;
}

enum {
    TASKS_MAX = 3000,
    WORKERS_MAX = 8
};

/* What one run must do; lives on the stack of the run, so that a late task would find something else. */
typedef struct ledger {
    size_t task_count;
    size_t worker_count;
    uint32_t *calls;                /* per task; written by its task alone */
    size_t next_least[WORKERS_MAX]; /* per worker: what follows the last task that it had */
    _Atomic uint32_t busy[WORKERS_MAX];
    _Atomic uint32_t wrong; /* tasks or workers outside of their range, or out of order, or two at once */
    uint32_t work;          /* upper limit of the random work per task */
} ledger;

static void note_task(void *context, size_t task, size_t worker)
{
    ledger *l = context;
    if (task >= l->task_count || worker >= l->worker_count) {
        l->wrong++;
        return;
    }
    l->wrong += atomic_exchange(&l->busy[worker], 1);
    l->wrong += task < l->next_least[worker];
    l->next_least[worker] = task + 1;
    l->calls[task]++;
    if (l->work)
        for (uint64_t i = weft__rng_at(1, 2, task) % l->work; i > 0; i--)
            weft__cpu_pause();
    atomic_store(&l->busy[worker], 0);
}

/* One run with its ledger; true when each task was called once and nothing was wrong. */
static bool run_is_right(weft__threads *threads, size_t task_count, uint32_t work)
{
    static uint32_t calls[TASKS_MAX];
    ledger l = {.task_count = task_count, .worker_count = weft__threads_count(threads), .calls = calls, .work = work};
    memset(calls, 0, sizeof calls);
    weft__threads_run(threads, task_count, note_task, &l);
    bool right = l.wrong == 0;
    for (size_t i = 0; i < TASKS_MAX; i++)
        right &= calls[i] == (i < task_count);
    return right;
}

START_TEST(every_task_is_called_once)
{
    weft__rng rng;
    weft__rng_init(&rng, 1);
    for (size_t count = 1; count <= WORKERS_MAX; count++) {
        for (int32_t spins = WEFT__SPINS_DEFAULT; spins <= 50; spins = spins < 0 ? 0 : spins + 50) {
            weft__threads *threads = make_threads(count, spins);
            size_t wrong = 0;
            for (size_t run = 0; run < 60; run++)
                wrong += !run_is_right(threads, weft__rng_below(&rng, run % 4 == 0 ? TASKS_MAX + 1 : 20), 0);
            weft__threads_destroy(threads);
            ck_assert_uint_eq(wrong, 0);
        }
    }
}
END_TEST

START_TEST(uneven_tasks_are_called_once)
{
    for (size_t count = 2; count <= 5; count++) {
        weft__threads *threads = make_threads(count, WEFT__SPINS_DEFAULT);
        size_t wrong = 0;
        for (size_t run = 0; run < 10; run++)
            wrong += !run_is_right(threads, 100 + run, 1000);
        weft__threads_destroy(threads);
        ck_assert_uint_eq(wrong, 0);
    }
}
END_TEST

typedef struct tiny_run {
    uint64_t number;
    uint64_t sums[4];
} tiny_run;

static void add_number(void *context, size_t task, size_t worker)
{
    tiny_run *run = context;
    (void)worker;
    run->sums[task] = run->number + task;
}

static void subtract_number(void *context, size_t task, size_t worker)
{
    tiny_run *run = context;
    (void)worker;
    run->sums[task] = 0u - (run->number + task);
}

START_TEST(many_tiny_runs_neither_hang_nor_mix)
{
    static const int32_t spins[] = {WEFT__SPINS_DEFAULT, 0, 3};
    weft__threads *threads = make_threads((size_t)_i / 3 + 2, spins[_i % 3]);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        tiny_run run = {.number = i};
        size_t tasks = 2 + i % 3;
        weft__threads_run(threads, tasks, i & 1 ? add_number : subtract_number, &run);
        for (size_t k = 0; k < 4; k++) {
            uint64_t expected = k >= tasks ? 0 : i & 1 ? i + k : 0u - (i + k);
            wrong += run.sums[k] != expected;
        }
    }
    weft__threads_destroy(threads);
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

typedef struct meeting {
    weft__gate present;
    uint32_t expected;
} meeting;

/* Returns when as many tasks as expected are in here at the same time. */
static void meet_the_others(void *context, size_t task, size_t worker)
{
    meeting *m = context;
    (void)task;
    (void)worker;
    uint32_t present = weft__gate_add(&m->present, 1);
    weft__gate_wake(&m->present, WEFT__WAKE_ALL);
    while (present != m->expected)
        present = weft__gate_wait(&m->present, present, 10);
}

START_TEST(all_threads_take_part_when_needed)
{
    for (size_t count = 2; count <= 5; count++) {
        weft__threads *threads = make_threads(count, (count & 1) ? 0 : 20);
        for (size_t run = 0; run < 300; run++) {
            size_t tasks = 2 + run % (count - 1);
            meeting m = {.expected = (uint32_t)tasks};
            ck_assert_int_eq(weft__gate_init(&m.present, 0, NULL), WEFT_OK);
            weft__threads_run(threads, tasks, meet_the_others, &m);
            ck_assert_uint_eq(weft__gate_load(&m.present), tasks);
            weft__gate_destroy(&m.present);
        }
        weft__threads_destroy(threads);
    }
}
END_TEST

typedef struct placement {
    pthread_t caller;
    size_t calls;
    size_t elsewhere;
} placement;

static void note_place(void *context, size_t task, size_t worker)
{
    placement *p = context;
    p->elsewhere += worker != 0 || !pthread_equal(pthread_self(), p->caller) || task != p->calls;
    p->calls++;
}

START_TEST(one_thread_or_one_task_stays_with_the_caller)
{
    for (size_t count = 1; count <= 4; count++) {
        weft__threads *threads = make_threads(count, WEFT__SPINS_DEFAULT);
        for (size_t tasks = 0; tasks < (count == 1 ? 1000 : 2); tasks++) {
            placement p = {.caller = pthread_self()};
            weft__threads_run(threads, tasks, note_place, &p);
            ck_assert_uint_eq(p.calls, tasks);
            ck_assert_uint_eq(p.elsewhere, 0);
        }
        weft__threads_destroy(threads);
    }
}
END_TEST

START_TEST(runs_allocate_nothing)
{
    weft__threads *threads = make_threads(3, WEFT__SPINS_DEFAULT);
    uint64_t before = weft_test_allocations();
    bool right = true;
    for (size_t run = 0; run < 200; run++)
        right &= run_is_right(threads, run * 5, 0);
    uint64_t after = weft_test_allocations();
    weft__threads_destroy(threads);
    ck_assert(right);
    ck_assert_uint_eq(after, before);
}
END_TEST

START_TEST(pools_come_and_go)
{
    for (size_t cycle = 0; cycle < 400; cycle++) {
        weft__threads *threads = make_threads(1 + cycle % WORKERS_MAX, cycle & 1 ? 0 : WEFT__SPINS_DEFAULT);
        if (cycle % 3 != 0)
            ck_assert(run_is_right(threads, cycle % 50, 0));
        weft__threads_destroy(threads);
    }
    weft__threads_destroy(NULL);
}
END_TEST

START_TEST(two_pools_do_not_meet)
{
    weft__threads *a = make_threads(2, 0);
    weft__threads *b = make_threads(3, WEFT__SPINS_DEFAULT);
    bool right = true;
    for (size_t run = 0; run < 300; run++) {
        right &= run_is_right(a, run % 70, 0);
        right &= run_is_right(b, run % 31, 0);
    }
    weft__threads_destroy(a);
    weft__threads_destroy(b);
    ck_assert(right);
}
END_TEST

static void run_inner(void *context, size_t task, size_t worker)
{
    weft__threads **inner = context;
    (void)task;
    uint64_t sum = 0;
    for (size_t i = 0; i < 10; i++) {
        tiny_run run = {.number = i};
        weft__threads_run(inner[worker], 4, add_number, &run);
        sum += run.sums[3];
    }
    if (sum != 75)
        inner[worker] = NULL;
}

START_TEST(a_task_may_use_another_pool)
{
    weft__threads *outer = make_threads(2, WEFT__SPINS_DEFAULT);
    weft__threads *inner[2] = {make_threads(2, 0), make_threads(2, 0)};
    weft__threads *kept[2] = {inner[0], inner[1]};
    weft__threads_run(outer, 50, run_inner, inner);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_ptr_eq(inner[i], kept[i]);
        weft__threads_destroy(kept[i]);
    }
    weft__threads_destroy(outer);
}
END_TEST

START_TEST(impossible_counts_are_refused)
{
    static const size_t counts[] = {0, WEFT__THREADS_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        weft__threads *threads = (weft__threads *)&threads;
        weft_error err = {0};
        WEFT_TEST_ASSERT_STATUS(weft__threads_create(counts[i], 0, &threads, &err), WEFT_INVALID_ARGUMENT);
        ck_assert_ptr_null(threads);
        ck_assert_int_eq(err.code, WEFT_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.message, "from 1 to 1024 threads"));
        WEFT_TEST_ASSERT_STATUS(weft__threads_create(counts[i], 0, &threads, NULL), WEFT_INVALID_ARGUMENT);
    }
}
END_TEST

START_TEST(a_pool_that_cannot_start_leaves_nothing)
{
    for (int started = 0; started < 4; started++) {
        weft__threads *threads = (weft__threads *)&threads;
        weft_error err = {0};
        creations_before_failure = started;
        weft_status status = weft__threads_create(5, started & 1 ? 0 : 100, &threads, &err);
        creations_before_failure = -1;
        ck_assert_int_eq(status, WEFT_OUT_OF_MEMORY);
        ck_assert_ptr_null(threads);
        char expected[64];
        (void)snprintf(expected, sizeof expected, "worker %d of a pool of 5 threads", started + 1);
        ck_assert_msg(strstr(err.message, expected) != NULL, "%s", err.message);
    }
    uint64_t failures = 0;
    for (bool failed = true; failed; failures++) {
        weft__threads *threads;
        weft_test_fail_allocation_after(failures);
        weft_status status = weft__threads_create(3, 0, &threads, NULL);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(failed == (threads == NULL));
        weft__threads_destroy(threads);
    }
    ck_assert_uint_ge(failures, 2);
}
END_TEST

typedef struct signal_check {
    meeting meeting;
    _Atomic uint32_t open_workers;
    _Atomic uint32_t open_callers;
} signal_check;

static void look_at_mask(void *context, size_t task, size_t worker)
{
    signal_check *check = context;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, SIGUSR1))
        atomic_fetch_add(worker ? &check->open_workers : &check->open_callers, 1);
    meet_the_others(&check->meeting, task, worker);
}

START_TEST(workers_take_no_signals)
{
    weft__threads *threads = make_threads(3, 0);
    signal_check check = {.meeting.expected = 3};
    ck_assert_int_eq(weft__gate_init(&check.meeting.present, 0, NULL), WEFT_OK);
    weft__threads_run(threads, 3, look_at_mask, &check);
    weft__gate_destroy(&check.meeting.present);
    weft__threads_destroy(threads);
    ck_assert_uint_eq(check.open_workers, 0);
    ck_assert_uint_eq(check.open_callers, 1);
}
END_TEST

START_TEST(cpu_count_follows_the_affinity_mask)
{
    size_t cpus = weft__cpu_count();
    ck_assert_uint_ge(cpus, 1);
    ck_assert_uint_le(cpus, (size_t)sysconf(_SC_NPROCESSORS_CONF));
#ifdef __linux__
    cpu_set_t before, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    ck_assert_uint_eq(cpus, (size_t)CPU_COUNT(&before));
    CPU_ZERO(&one);
    size_t first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(weft__cpu_count(), 1);
    /* More threads than CPUs, all of them on one: no hang, and by default no spinning. */
    weft__threads *threads = make_threads(4, WEFT__SPINS_DEFAULT);
    bool right = true;
    for (size_t run = 0; run < 200; run++)
        right &= run_is_right(threads, run, 0);
    weft__threads_destroy(threads);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
    ck_assert(right);
#endif
}
END_TEST

enum {
    BALLS = 20000
};

typedef struct rally {
    weft__gate ball; /* even: the first player's turn */
    uint32_t spins;
    uint32_t shared; /* not atomic: the gate alone orders its accesses */
} rally;

static void play(rally *r, uint32_t parity)
{
    for (uint32_t turn = parity; turn < 2 * BALLS; turn += 2) {
        uint32_t now = weft__gate_load(&r->ball);
        while (now != turn)
            now = weft__gate_wait(&r->ball, now, r->spins);
        r->shared++;
        weft__gate_add(&r->ball, 1);
        weft__gate_wake(&r->ball, 1);
    }
}

static void *second_player(void *argument)
{
    play(argument, 1);
    return NULL;
}

START_TEST(a_gate_passes_turns_without_loss)
{
    static const uint32_t spins[] = {0, 1, 2000};
    rally r = {.spins = spins[_i]};
    ck_assert_int_eq(weft__gate_init(&r.ball, 0, NULL), WEFT_OK);
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, second_player, &r), 0);
    play(&r, 0);
    pthread_join(other, NULL);
    ck_assert_uint_eq(atomic_load(&r.ball.sleepers), 0);
    weft__gate_destroy(&r.ball);
    ck_assert_uint_eq(r.shared, 2 * BALLS);
}
END_TEST

typedef struct queue_model {
    weft__gate submitted; /* a count of submissions; the consumer waits for it to move */
    weft__gate completed; /* a count of completions; several hosts wait for values of it */
    uint64_t items[1024];
    uint32_t total;
    uint64_t sum;
    _Atomic uint32_t early; /* hosts that came back before their value was there */
} queue_model;

static void *consumer(void *argument)
{
    queue_model *q = argument;
    for (uint32_t done = 0; done < q->total;) {
        uint32_t submitted = weft__gate_wait(&q->submitted, done, 5);
        while (done < submitted) {
            q->sum += q->items[done % 1024];
            done++;
            weft__gate_add(&q->completed, 1);
            weft__gate_wake(&q->completed, WEFT__WAKE_ALL);
        }
    }
    return NULL;
}

static void *waiting_host(void *argument)
{
    queue_model *q = argument;
    for (uint32_t goal = 1; goal <= q->total; goal += 1 + goal % 3) {
        uint32_t now = weft__gate_load(&q->completed);
        while (now < goal)
            now = weft__gate_wait(&q->completed, now, goal % 2 ? 0 : 20);
        q->early += weft__gate_load(&q->completed) < goal;
    }
    return NULL;
}

START_TEST(a_gate_serves_a_queue_and_many_waiters)
{
    static queue_model q = {.total = 20000};
    pthread_t threads[4];
    ck_assert_int_eq(weft__gate_init(&q.submitted, 0, NULL), WEFT_OK);
    ck_assert_int_eq(weft__gate_init(&q.completed, 0, NULL), WEFT_OK);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i ? waiting_host : consumer, &q), 0);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < q.total; i++) {
        uint32_t completed = weft__gate_load(&q.completed);
        while (i - completed >= 1024)
            completed = weft__gate_wait(&q.completed, completed, 5);
        q.items[i % 1024] = weft__rng_at(4, 0, i);
        expected += weft__rng_at(4, 0, i);
        weft__gate_add(&q.submitted, 1);
        weft__gate_wake(&q.submitted, 1);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    weft__gate_destroy(&q.submitted);
    weft__gate_destroy(&q.completed);
    ck_assert_uint_eq(q.sum, expected);
    ck_assert_uint_eq(q.early, 0);
}
END_TEST

START_TEST(a_gate_counts_modulo_two_to_the_32)
{
    weft__gate gate;
    ck_assert_int_eq(weft__gate_init(&gate, UINT32_MAX, NULL), WEFT_OK);
    ck_assert_uint_eq(weft__gate_load(&gate), UINT32_MAX);
    ck_assert_uint_eq(weft__gate_add(&gate, 3), 2);
    ck_assert_uint_eq(weft__gate_add(&gate, 0u - 2u), 0);
    weft__gate_store(&gate, 17);
    ck_assert_uint_eq(weft__gate_wait(&gate, 16, 0), 17);
    weft__gate_wake(&gate, WEFT__WAKE_ALL);
    ck_assert_uint_eq(atomic_load(&gate.sleepers), 0);
    weft__gate_destroy(&gate);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("threads");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_task_is_called_once);
    tcase_add_test(tcase, uneven_tasks_are_called_once);
    tcase_add_loop_test(tcase, many_tiny_runs_neither_hang_nor_mix, 0, 6);
    tcase_add_test(tcase, all_threads_take_part_when_needed);
    tcase_add_test(tcase, one_thread_or_one_task_stays_with_the_caller);
    tcase_add_test(tcase, runs_allocate_nothing);
    tcase_add_test(tcase, pools_come_and_go);
    tcase_add_test(tcase, two_pools_do_not_meet);
    tcase_add_test(tcase, a_task_may_use_another_pool);
    tcase_add_test(tcase, impossible_counts_are_refused);
    tcase_add_test(tcase, a_pool_that_cannot_start_leaves_nothing);
    tcase_add_test(tcase, workers_take_no_signals);
    tcase_add_test(tcase, cpu_count_follows_the_affinity_mask);
    tcase_add_loop_test(tcase, a_gate_passes_turns_without_loss, 0, 3);
    tcase_add_test(tcase, a_gate_serves_a_queue_and_many_waiters);
    tcase_add_test(tcase, a_gate_counts_modulo_two_to_the_32);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
