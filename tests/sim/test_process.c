/* Processes: they wait, are resumed, end and are reused, in the order that the engine gives. */
#include "support/weft_check.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/engine/signal.h"
#include "sim/engine/store.h"

enum {
    LOG_MAX = 4096
};

static uint64_t log_times[LOG_MAX];
static uint64_t log_values[LOG_MAX];
static size_t log_count;

static void note(weft__process *self, uint64_t value)
{
    ck_assert_uint_lt(log_count, LOG_MAX);
    log_times[log_count] = weft__sim_now(weft__process_sim(self));
    log_values[log_count++] = value;
}

static weft_sim *create(void)
{
    weft_error err;
    weft_sim *sim;
    log_count = 0;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    return sim;
}

static void run(weft_sim *sim)
{
    weft_error err = {0};
    weft_status status = weft__sim_run(sim, WEFT__NEVER, &err);
    ck_assert_msg(status == WEFT_OK, "%s", err.message);
}

static void walker(weft__process *self, void *context)
{
    uint64_t step = *(const uint64_t *)context;
    for (uint64_t i = 0; i < 4; i++) {
        note(self, step);
        weft__process_wait(self, step);
    }
}

START_TEST(processes_take_turns_in_time)
{
    weft_sim *sim = create();
    const uint64_t steps[] = {10, 15};
    ck_assert(weft__process_start(sim, 5, 0, walker, (void *)(uintptr_t)&steps[0], "ten") != NULL);
    ck_assert(weft__process_start(sim, 5, 0, walker, (void *)(uintptr_t)&steps[1], "fifteen") != NULL);
    run(sim);
    static const uint64_t times[] = {5, 5, 15, 20, 25, 35, 35, 50};
    static const uint64_t values[] = {10, 15, 10, 15, 10, 15, 10, 15};
    ck_assert_uint_eq(log_count, 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(log_times[i], times[i]);
        ck_assert_uint_eq(log_values[i], values[i]);
    }
    ck_assert(weft__process_next(sim, NULL) == NULL);
    weft__sim_destroy(sim);
}
END_TEST

static void sleeper(weft__process *self, void *context)
{
    (void)context;
    note(self, 1);
    weft__process_suspend(self);
    note(self, 2);
}

static void waker(weft__process *self, void *context)
{
    weft__process *other = context;
    weft__process_wait(self, 70);
    ck_assert(weft__process_is_suspended(other));
    ck_assert(weft__process_resume(other));
    ck_assert(!weft__process_resume(other)); /* it is on its way */
    note(self, 3);
}

START_TEST(suspend_lasts_until_resume)
{
    weft_sim *sim = create();
    weft__process *process = weft__process_start(sim, 0, 0, sleeper, NULL, "sleeper");
    ck_assert(process != NULL);
    ck_assert_str_eq(weft__process_name(process), "sleeper");
    ck_assert(weft__process_start(sim, 0, 0, waker, process, "waker") != NULL);
    run(sim);
    ck_assert_uint_eq(log_count, 3);
    ck_assert_uint_eq(log_values[1], 3); /* resuming schedules: the waker goes on first */
    ck_assert_uint_eq(log_values[2], 2);
    ck_assert_uint_eq(log_times[2], 70);
    weft__sim_destroy(sim);
}
END_TEST

START_TEST(those_left_waiting_can_be_named_and_dropped)
{
    weft_sim *sim = create();
    ck_assert(weft__process_start(sim, 0, 0, sleeper, NULL, "left") != NULL);
    run(sim);
    const weft__process *left = weft__process_next(sim, NULL);
    ck_assert(left != NULL && weft__process_is_suspended(left));
    ck_assert_str_eq(weft__process_name(left), "left");
    ck_assert(weft__process_next(sim, left) == NULL);
    weft__sim_destroy(sim);
}
END_TEST

/* Uses a good part of the stack, and floating point across the switch. */
static double deep(weft__process *self, int depth, double x)
{
    volatile char room[512];
    room[0] = room[511] = (char)depth;
    if (depth == 0) {
        weft__process_wait(self, 1);
        return x;
    }
    double below = deep(self, depth - 1, x * 1.5);
    weft__process_wait(self, 1);
    return below + x + room[0] - room[511];
}

static void digger(weft__process *self, void *context)
{
    double *out = context;
    *out = deep(self, 40, *out);
}

START_TEST(stacks_and_registers_are_kept_apart)
{
    enum {
        COUNT = 700 /* more than the engine expects in the caches */
    };
    static double values[COUNT], expected[COUNT];
    weft_sim *sim = create();
    for (int i = 0; i < COUNT; i++) {
        values[i] = i + 1;
        double x = i + 1, sum = 0;
        for (int depth = 40; depth > 0; depth--, x *= 1.5)
            sum += x; /* exact enough: compared with a bound */
        expected[i] = sum + x;
        ck_assert(weft__process_start(sim, (uint64_t)i % 7, 0, digger, &values[i], "digger") != NULL);
    }
    run(sim);
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(weft_test_close(values[i], expected[i], 0, 1e-12), "process %d: %g, expected %g", i, values[i],
                      expected[i]);
    weft__sim_destroy(sim);
}
END_TEST

static void starter(weft__process *self, void *context)
{
    uint64_t *left = context;
    note(self, *left);
    if (*left == 0)
        return;
    --*left;
    ck_assert(weft__process_start(weft__process_sim(self), weft__sim_now(weft__process_sim(self)) + 1, 0, starter, left,
                                  "next") != NULL);
}

START_TEST(ended_processes_make_room_for_new_ones)
{
    weft_sim *sim = create();
    uint64_t left = 2000;
    ck_assert(weft__process_start(sim, 0, 0, starter, &left, "first") != NULL);
    run(sim);
    ck_assert_uint_eq(log_count, 2001);
    weft__sim_info info;
    weft__sim_get_info(sim, &info);
    ck_assert_uint_lt(info.allocations, 10);
    weft__sim_destroy(sim);
}
END_TEST

static void getter(weft__process *self, void *context)
{
    (void)weft__store_get(self, context);
}

static void waiter(weft__process *self, void *context)
{
    weft__process_wait(self, 30);
    weft__signal_wait(self, context, 1);
}

static void see_them_wait(weft_sim *sim, uint64_t argument)
{
    const weft__process *first = (const weft__process *)(uintptr_t)argument;
    (void)sim;
    ck_assert_str_eq(weft__process_waits_for(first), "ring");
    ck_assert(!weft__process_is_suspended(first));
    ck_assert(!weft__process_resume((weft__process *)(uintptr_t)argument)); /* only the store does that */
}

START_TEST(a_deadlock_names_who_waits_for_what)
{
    weft_error err;
    weft_sim *sim = create();
    weft__store ring;
    weft__signal barrier;
    weft__store_init(&ring, sim, "ring", 1);
    weft__signal_init(&barrier, sim, "barrier");
    weft__process *first = weft__process_start(sim, 20, 0, getter, &ring, "pe0");
    ck_assert(first != NULL);
    ck_assert(weft__process_start(sim, 0, 0, waiter, &barrier, "pe1") != NULL);
    ck_assert(weft__process_start(sim, 40, 0, sleeper, NULL, "pe2") != NULL);
    ck_assert(weft__sim_at(sim, 50, 0, see_them_wait, (uintptr_t)first) != 0);
    run(sim);
    ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_DEADLOCK);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_DEADLOCK);
    ck_assert_str_eq(err.message, "Deadlock at 50 ps: nothing is left that could wake 3 of the processes: 'pe0' waits "
                                  "for 'ring' since 20 ps, 'pe1' waits for 'barrier' since 30 ps, 'pe2' waits to be "
                                  "resumed since 40 ps.");
    weft__sim_destroy(sim);
}
END_TEST

START_TEST(nobody_is_stuck_who_has_been_woken)
{
    weft_sim *sim = create();
    weft__store ring;
    weft__store_init(&ring, sim, "ring", 1);
    ck_assert(weft__process_start(sim, 20, 0, getter, &ring, "pe0") != NULL);
    run(sim);
    ck_assert(weft__store_put_then(&ring, 5, NULL, 0));
    ck_assert(weft__process_waits_for(weft__process_next(sim, NULL)) == NULL);
    run(sim);
    ck_assert(weft__process_next(sim, NULL) == NULL);
    ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_OK);
    ck_assert(!weft__sim_has_failed(sim));
    weft__sim_destroy(sim);
}
END_TEST

/* More than a message has room for. */
START_TEST(a_deadlock_of_many_is_cut_short)
{
    weft_error err;
    weft_sim *sim = create();
    for (int i = 0; i < 200; i++)
        ck_assert(weft__process_start(sim, 0, 0, sleeper, NULL, "processing element") != NULL);
    run(sim);
    ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_DEADLOCK);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_DEADLOCK);
    ck_assert(strstr(err.message, "wake 200 of the processes: 'processing element' waits to be resumed") != NULL);
    ck_assert_str_eq(err.message + strlen(err.message) - 3, "...");
    weft__sim_destroy(sim);
}
END_TEST

static void spinner(weft__process *self, void *context)
{
    (void)context;
    for (;;)
        weft__process_wait(self, 0);
}

START_TEST(a_livelock_names_the_processes)
{
    weft_error err;
    weft_sim *sim;
    weft__sim_options options = {.events_per_tick_max = 100};
    ck_assert_int_eq(weft__sim_create(&options, &sim, &err), WEFT_OK);
    ck_assert(weft__process_start(sim, 0, 0, spinner, NULL, "left") != NULL);
    ck_assert(weft__process_start(sim, 0, 0, spinner, NULL, "right") != NULL);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_DEADLOCK);
    ck_assert(strstr(err.message, "process 'left', process 'right'") != NULL);
    weft__sim_destroy(sim);
}
END_TEST

static void *run_elsewhere(void *sim)
{
    weft_error err;
    return (void *)(uintptr_t)weft__sim_run(sim, WEFT__NEVER, &err);
}

START_TEST(another_thread_may_go_on_with_the_run)
{
    weft_error err;
    weft_sim *sim = create();
    static double values[8];
    for (int i = 0; i < 8; i++) {
        values[i] = 1;
        ck_assert(weft__process_start(sim, (uint64_t)i, 0, digger, &values[i], "digger") != NULL);
    }
    ck_assert_int_eq(weft__sim_run(sim, 20, &err), WEFT_OK);
    pthread_t thread;
    void *status = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_elsewhere, sim), 0);
    ck_assert_int_eq(pthread_join(thread, &status), 0);
    ck_assert_uint_eq((uintptr_t)status, WEFT_OK);
    for (int i = 0; i < 8; i++)
        ck_assert(values[i] == values[0] && values[0] > 1);
    weft__sim_destroy(sim);
}
END_TEST

static int deeper(int depth, volatile char *above)
{
    volatile char room[1024];
    room[0] = (char)depth;
    room[1] = above ? above[0] : 0;
    return depth == 0 ? room[0] : deeper(depth - 1, room) + room[1];
}

static void bottomless(weft__process *self, void *context)
{
    (void)self;
    *(int *)context = deeper(1000, NULL); /* a megabyte */
}

START_TEST(an_overflow_of_a_stack_ends_the_program)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        weft_error err;
        weft_sim *sim;
        int result = 0;
        (void)!freopen("/dev/null", "w", stderr);
        if (weft__sim_create(NULL, &sim, &err) != WEFT_OK || !weft__process_start(sim, 0, 0, bottomless, &result, "x"))
            _exit(0);
        (void)weft__sim_run(sim, WEFT__NEVER, &err);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); /* sanitizers turn the signal into an exit */
}
END_TEST

WEFT_TEST_MAIN("process", processes_take_turns_in_time, suspend_lasts_until_resume,
               those_left_waiting_can_be_named_and_dropped, stacks_and_registers_are_kept_apart,
               ended_processes_make_room_for_new_ones, a_deadlock_names_who_waits_for_what,
               nobody_is_stuck_who_has_been_woken, a_deadlock_of_many_is_cut_short, a_livelock_names_the_processes,
               another_thread_may_go_on_with_the_run, an_overflow_of_a_stack_ends_the_program)
