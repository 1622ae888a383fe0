/* What orders accesses and what does not, case by case; test_order_random.c has the rest. */
#include "order_bench.h"

#include "base/rng.h"

/* ---- what orders ---- */

START_TEST(an_agent_does_one_thing_after_another)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 0));
    ck_assert(!writes(0, 8));
    pass(0, 1);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 4));
    end();
}
END_TEST

START_TEST(what_nothing_orders_races_however_late_it_is)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    now = 1000000;
    ck_assert(reads(1, 0));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_RAW && race.other == 0 && race.other_ps == 1);
    ck_assert_str_eq(race.other_call, "tl_store");
    ck_assert(race.offset == 0 && race.bytes == 16);
    ck_assert(writes(2, 0)); /* the read is the later one */
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 1 && race.other_ps == 1000001);
    ck_assert_str_eq(race.other_call, "tl_load");
    ck_assert(writes(3, 0));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAW && race.other == 2 && race.other_ps == 1000002);
    end();
}
END_TEST

START_TEST(reads_do_not_race_with_reads)
{
    begin(AGENTS);
    for (uint32_t i = 0; i < 2 * AGENTS; i++)
        ck_assert(!reads(i % AGENTS, 0));
    ck_assert(writes(0, 0));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == HOST);
    end();
}
END_TEST

START_TEST(a_message_orders_what_was_before_it_with_what_comes_after)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 16));
    weft__order_point *message = weft__order_send(order, 0);
    ck_assert(!writes(0, 32)); /* after the send */
    weft__order_join(order, 1, message);
    weft__order_release(order, message);
    ck_assert(!reads(1, 0));
    ck_assert(!writes(1, 16));
    ck_assert(reads(1, 32));
    ck_assert(reads(2, 0)); /* which has not received it */
    end();
}
END_TEST

START_TEST(order_is_passed_on)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    pass(0, 1);
    pass(1, 2);
    pass(2, 3);
    ck_assert(!writes(3, 0));
    pass(0, 2); /* nothing new */
    ck_assert(reads(2, 0));
    ck_assert(race.other == 3);
    end();
}
END_TEST

/* Agents of large machines, and clocks that have been used before. */
START_TEST(order_is_passed_on_among_many)
{
    static const uint32_t counts[] = {7, 8, 31, 257, 512, 513, 1000, 3000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t last = counts[i] - 1;
        begin(counts[i]);
        for (uint32_t round = 0; round < 3; round++) {
            uint64_t offset = 64 * round;
            ck_assert(!writes(last, offset));
            weft__order_point *message = weft__order_send(order, last);
            ck_assert(!read_by(last, message, offset + 16));
            weft__order_join(order, last / 2, message);
            weft__order_release(order, message);
            pass(last / 2, last / 3);
            ck_assert(!writes(last / 3, offset + 32));
            pass(last / 3, 0);
            ck_assert(!reads(0, offset));
            ck_assert(!writes(0, offset + 16));
            ck_assert(!writes(0, offset + 32));
            ck_assert(reads(1, offset + 16)); /* which has heard of nobody */
            ck_assert(reads(last - 1, offset + 32));
            pass(last, last / 2); /* clocks are let go of and taken again */
            pass(0, last);
        }
        end();
    }
}
END_TEST

/* An agent that is told something while its knowledge is kept by a point gets a clock of its own, which here is one
 * that somebody else has let go of. */
START_TEST(knowledge_is_not_mixed_with_that_of_others)
{
    begin(1000);
    ck_assert(!writes(900, 0));
    ck_assert(!writes(300, 16));
    pass(900, 0);
    pass(300, 4);
    weft__order_point *kept = weft__order_snapshot(order, 0);
    pass(500, 0);
    weft__order_release(order, kept); /* it was the last to have the clock that knows of 900 alone */
    kept = weft__order_snapshot(order, 4);
    pass(200, 4);
    pass(4, 5);
    ck_assert(!reads(5, 16));
    ck_assert(reads(4, 0));
    ck_assert(!reads(0, 0));
    weft__order_release(order, kept);
    end();
}
END_TEST

START_TEST(a_point_holds_what_was_known_when_it_was_taken)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    weft__order_point *early = weft__order_snapshot(order, 1);
    pass(0, 1);
    weft__order_point *late = weft__order_snapshot(order, 1);
    weft__order_join(order, 2, early);
    ck_assert(reads(2, 0));
    weft__order_join(order, 3, late);
    ck_assert(!reads(3, 0));
    weft__order_release(order, early);
    weft__order_release(order, late);
    end();
}
END_TEST

START_TEST(a_launch_is_after_the_host_and_before_its_end)
{
    begin(AGENTS);
    ck_assert(!writes(HOST, 0));
    weft__order_point *start = weft__order_snapshot(order, HOST), *over = NULL;
    for (uint32_t pe = 0; pe < HOST; pe++) {
        weft__order_join(order, pe, start);
        ck_assert(!reads(pe, 0));
        ck_assert(!writes(pe, 16 * (pe + 1)));
        weft__order_point *own = weft__order_snapshot(order, pe);
        if (over) {
            weft__order_add(order, over, own);
            weft__order_release(order, own);
        } else {
            over = own;
        }
    }
    ck_assert(reads(HOST, 16)); /* too early */
    weft__order_join(order, HOST, over);
    for (uint32_t pe = 0; pe < HOST; pe++)
        ck_assert(!reads(HOST, 16 * (pe + 1)));
    ck_assert(!writes(HOST, 0));
    weft__order_release(order, start);
    weft__order_release(order, over);
    end();
}
END_TEST

START_TEST(no_point_has_nothing_before_it)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    weft__order_point *point = weft__order_snapshot(order, 0);
    weft__order_join(order, 1, NULL);
    weft__order_add(order, point, NULL);
    weft__order_add(order, NULL, point);
    weft__order_wait(order, NULL);
    weft__order_release(order, NULL);
    ck_assert(reads(1, 0));
    weft__order_release(order, point);
    weft__order_destroy(NULL);
    end();
}
END_TEST

/* ---- commands and messages under way ---- */

START_TEST(a_command_is_done_when_it_has_been_waited_for)
{
    begin(AGENTS);
    weft__order_point *first = weft__order_fork(order, 0), *second = weft__order_fork(order, 0);
    ck_assert(!write_by(0, first, 0));
    ck_assert(!read_by(0, first, 0)); /* it is ordered with itself */
    ck_assert(!write_by(0, second, 16));
    ck_assert(!write_by(0, first, 32));
    ck_assert(!write_by(0, first, 48));
    pass(0, 1);
    ck_assert(reads(1, 0)); /* nobody waited */
    ck_assert(reads(0, 48));
    ck_assert(race.other == 0);
    weft__order_wait(order, second);
    weft__order_wait(order, second);
    ck_assert(!reads(0, 16));
    ck_assert(reads(1, 16)); /* not told */
    pass(0, 1);
    ck_assert(!reads(1, 16));
    ck_assert(reads(1, 32));
    weft__order_release(order, second);
    weft__order_release(order, first);
    weft__order_wait_all(order, 0);
    pass(0, 2);
    ck_assert(!reads(2, 32));
    end();
}
END_TEST

START_TEST(a_command_knows_what_its_agent_knew)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!writes(0, 16));
    ck_assert(!writes(2, 32));
    weft__order_point *early = weft__order_fork(order, 1);
    pass(0, 1);
    weft__order_point *late = weft__order_fork(order, 1);
    ck_assert(read_by(1, early, 0));
    ck_assert(!read_by(1, late, 16));
    weft__order_point *message = weft__order_send(order, 2);
    weft__order_add(order, late, message); /* it receives */
    ck_assert(!read_by(1, late, 32));
    ck_assert(!writes(2, 64));
    weft__order_release(order, message);
    ck_assert(reads(1, 32)); /* the agent does not know yet */
    weft__order_wait(order, late);
    ck_assert(!reads(1, 32));
    weft__order_release(order, early);
    weft__order_release(order, late);
    end();
}
END_TEST

START_TEST(who_receives_a_message_knows_that_it_has_been_read)
{
    begin(AGENTS);
    weft__order_point *first = weft__order_send(order, 0), *second = weft__order_send(order, 0);
    ck_assert(!read_by(0, first, 0));
    ck_assert(!read_by(0, second, 16));
    ck_assert(!write_by(0, second, 32)); /* its slot */
    weft__order_join(order, 1, second);
    ck_assert(!writes(1, 0)); /* those before it are over too */
    ck_assert(!reads(1, 32));
    ck_assert(writes(0, 16)); /* but the sender does not know */
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 0);
    ck_assert(!read_by(0, second, 48));
    pass(1, 0); /* unless somebody tells */
    ck_assert(!writes(0, 48));
    ck_assert(!read_by(0, second, 64));
    weft__order_point *third = weft__order_send(order, 0);
    ck_assert(!read_by(0, third, 80));
    weft__order_wait(order, second);
    ck_assert(!writes(0, 64));
    ck_assert(writes(0, 80));
    ck_assert(!read_by(0, third, 96));
    weft__order_wait_all(order, 0);
    ck_assert(!writes(0, 96));
    weft__order_release(order, first);
    weft__order_release(order, second);
    weft__order_release(order, third);
    end();
}
END_TEST

START_TEST(messages_are_counted)
{
    begin(AGENTS);
    weft__order_point *points[4];
    for (uint32_t i = 0; i < 4; i++)
        points[i] = weft__order_send(order, 0);
    ck_assert_uint_eq(weft__order_messages_sent(order, 0), 4);
    ck_assert_uint_eq(weft__order_messages_sent(order, 1), 0);
    ck_assert_uint_eq(weft__order_messages_over(order, 0), 0);
    weft__order_wait_messages(order, 0, 1);
    weft__order_wait(order, points[1]);
    ck_assert_uint_eq(weft__order_messages_over(order, 0), 2);
    weft__order_wait_messages(order, 0, 1); /* known before */
    ck_assert_uint_eq(weft__order_messages_over(order, 0), 2);
    weft__order_join(order, 1, points[2]);
    pass(1, 2);
    pass(2, 0); /* an answer, over others */
    ck_assert_uint_eq(weft__order_messages_over(order, 0), 3);
    ck_assert(!read_by(0, points[3], 0));
    ck_assert(writes(0, 0));
    ck_assert(!read_by(0, points[3], 16));
    weft__order_wait_messages(order, 0, 4);
    ck_assert(!writes(0, 16));
    for (uint32_t i = 0; i < 4; i++)
        weft__order_release(order, points[i]);
    end();
}
END_TEST

/* A ring of two slots from agent 0 to agent 1, which forwards what it gets to agent 2 and frees the slot: with a wait
 * for the forwarded message before that, or without. */
static uint32_t forward(bool waits)
{
    uint32_t found = 0;
    weft__order_point *credits[2] = {NULL, NULL};
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t slot = 16 * (i % 2);
        weft__order_join(order, 0, credits[i % 2]);
        weft__order_release(order, credits[i % 2]);
        weft__order_point *message = weft__order_send(order, 0);
        found += write_by(0, message, slot);
        weft__order_join(order, 1, message);
        weft__order_release(order, message);
        found += reads(1, slot);
        weft__order_point *forwarded = weft__order_send(order, 1);
        found += read_by(1, forwarded, slot); /* in time, either way */
        if (waits)
            weft__order_wait(order, forwarded);
        credits[i % 2] = weft__order_snapshot(order, 1);
        weft__order_release(order, forwarded);
    }
    weft__order_release(order, credits[0]);
    weft__order_release(order, credits[1]);
    return found;
}

START_TEST(a_slot_that_is_freed_before_it_was_forwarded_races)
{
    begin(AGENTS);
    ck_assert_uint_eq(forward(true), 0);
    end();
    begin(AGENTS);
    ck_assert_uint_eq(forward(false), 4); /* each message but the first two */
    ck_assert(race.kind == 0 && race.bytes == 0);
    end();
}
END_TEST

START_TEST(only_what_others_leave_unordered_is_a_race_if_asked_so)
{
    begin(AGENTS);
    weft__order_point *command = weft__order_fork(order, 0), *message = weft__order_send(order, 0);
    ck_assert(!write_by(0, command, 0));
    ck_assert(!read_by(0, message, 16));
    weft__order_access own = {.agent = 0, .time_ps = ++now, .call = "tl_add", .only_others = true};
    ck_assert(!weft__order_read(order, &hbm, &own, 0, 32, &race));
    ck_assert(!reads(1, 24));
    ck_assert(weft__order_write(order, &hbm, &own, 0, 32, &race));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 1 && race.offset == 24 && race.bytes == 8);
    weft__order_release(order, command);
    weft__order_release(order, message);
    end();
}
END_TEST

/* ---- many agents ---- */

#define CROWD 40 /* of them do something; first and last are among them */

/* What each knows of each: writes, and messages. Each writes to a place of its own, and so do its messages. */
typedef struct crowd {
    uint32_t agents[CROWD];
    uint64_t wrote[CROWD], sent[CROWD];
    uint64_t writes[CROWD][CROWD], messages[CROWD][CROWD];
} crowd;

static void gather(crowd *it, uint32_t agents)
{
    *it = (crowd){0};
    for (uint32_t i = 0; i < CROWD; i++)
        it->agents[i] = (uint32_t)((uint64_t)i * (agents - 1) / (CROWD - 1));
}

static void raise_all(uint64_t to[CROWD], const uint64_t from[CROWD])
{
    for (uint32_t i = 0; i < CROWD; i++)
        to[i] = from[i] > to[i] ? from[i] : to[i];
}

/* From one to the other, with a message that writes as well, or without. */
static void tell(crowd *it, uint32_t from, uint32_t to, bool by_message)
{
    weft__order_point *point =
        by_message ? weft__order_send(order, it->agents[from]) : weft__order_snapshot(order, it->agents[from]);
    if (by_message)
        (void)write_by(it->agents[from], point, 16 * (CROWD + from));
    it->sent[from] += by_message;
    weft__order_join(order, it->agents[to], point);
    weft__order_release(order, point);
    raise_all(it->writes[to], it->writes[from]);
    raise_all(it->messages[to], it->messages[from]);
    it->writes[to][from] = it->wrote[from];
    if (by_message)
        it->messages[to][from] = it->sent[from];
}

/* Random accesses and messages of the crowd, among so many agents. */
static void mingle(crowd *all, uint32_t agents, uint64_t seed)
{
    weft__rng rng;
    uint32_t races = 0, readings = 0;
    weft__rng_init(&rng, seed);
    begin(agents);
    gather(all, agents);
    for (uint32_t round = 0; round < 8000; round++) {
        uint32_t a = (uint32_t)weft__rng_below(&rng, CROWD), b = (uint32_t)weft__rng_below(&rng, CROWD);
        uint64_t what = weft__rng_below(&rng, 8);
        if (a == b)
            continue;
        if (what == 0) {
            (void)writes(all->agents[a], 16 * a);
            all->wrote[a]++;
        } else if (what < 4) {
            tell(all, a, b, what == 3);
        } else {
            bool of_message = what < 6;
            bool is_known = of_message ? all->messages[b][a] >= all->sent[a] : all->writes[b][a] >= all->wrote[a];
            bool raced = reads(all->agents[b], 16 * (of_message ? CROWD + a : a));
            ck_assert_msg(raced != is_known, "%u of %u, round %u", all->agents[b], all->agents[a], round);
            races += raced;
            readings++;
        }
    }
    ck_assert(races > readings / 10 && races < readings - readings / 10);
    end();
}

START_TEST(many_agents_know_what_they_were_told_and_nothing_else)
{
    static crowd all;
    const uint32_t agents[] = {CROWD, 257, 513, 4000};
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++)
        mingle(&all, agents[i], i);
}
END_TEST

WEFT_TEST_MAIN("order", an_agent_does_one_thing_after_another, what_nothing_orders_races_however_late_it_is,
               reads_do_not_race_with_reads, a_message_orders_what_was_before_it_with_what_comes_after,
               order_is_passed_on, order_is_passed_on_among_many, knowledge_is_not_mixed_with_that_of_others,
               a_point_holds_what_was_known_when_it_was_taken, a_launch_is_after_the_host_and_before_its_end,
               no_point_has_nothing_before_it, a_command_is_done_when_it_has_been_waited_for,
               a_command_knows_what_its_agent_knew, who_receives_a_message_knows_that_it_has_been_read,
               messages_are_counted, a_slot_that_is_freed_before_it_was_forwarded_races,
               only_what_others_leave_unordered_is_a_race_if_asked_so,
               many_agents_know_what_they_were_told_and_nothing_else)
