/* A second opinion on what is ordered: the graph of everything that happened, searched anew for each access, and for
 * each byte a list of the accesses since the last write. */
#ifndef WEFT_TESTS_SIM_NAIVE_ORDER_H
#define WEFT_TESTS_SIM_NAIVE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/order/order.h"

#define NAIVE_NODES 1024
#define NAIVE_AGENTS 8
#define NAIVE_BYTES 96
#define NAIVE_MEMORIES 2
#define NAIVE_ACCESSES 1024

typedef struct naive_point {
    uint32_t agent, node;
    uint32_t message, command; /* 0: none */
} naive_point;

/* What has been done by the kernel of an agent, or by a message or command of it. */
typedef struct naive_access {
    uint32_t agent, node, message, command;
    uint64_t time_ps;
    const char *call;
    bool is_under_way; /* it has only begun */
} naive_access;

typedef enum naive_kind {
    NAIVE_STEP,
    NAIVE_OVER, /* here it is known that messages up to `number` of `agent` are over */
    NAIVE_DONE  /* that command `number` is done */
} naive_kind;

typedef struct naive_node {
    naive_kind kind;
    uint32_t agent, number;
    uint32_t before[2]; /* nodes; 0: none */
} naive_node;

typedef struct naive_byte {
    uint32_t write; /* 0: nobody */
    uint32_t reads[NAIVE_ACCESSES];
    uint32_t read_count;
} naive_byte;

typedef struct naive_order {
    naive_node nodes[NAIVE_NODES];
    uint32_t node_count;
    uint32_t tips[NAIVE_AGENTS];     /* the last node of each agent */
    uint32_t messages[NAIVE_AGENTS]; /* sent, and the node of the last one */
    uint32_t last_over[NAIVE_AGENTS];
    uint32_t commands;
    naive_access accesses[NAIVE_ACCESSES];
    uint32_t access_count;
    naive_byte bytes[NAIVE_MEMORIES][NAIVE_BYTES];
    bool has_passed_over; /* what an agent has left unordered itself, for an access that was only about others */
} naive_order;

void naive_order_begin(naive_order *it);
naive_point naive_order_snapshot(naive_order *it, uint32_t agent);
naive_point naive_order_send(naive_order *it, uint32_t agent);
naive_point naive_order_fork(naive_order *it, uint32_t agent);
void naive_order_join(naive_order *it, uint32_t agent, const naive_point *point);
void naive_order_add(naive_order *it, naive_point *point, const naive_point *other);
void naive_order_wait(naive_order *it, const naive_point *point);
/* All messages; the commands are the caller's to wait for. */
void naive_order_wait_messages(naive_order *it, uint32_t agent);

/* Makes an access, of access->agent or of what it did at a point instead of access->point, to bytes [begin, end). Then
 * *out is the race as weft__order_read and weft__order_write have it if no two accesses are made at one time.
 * `out_racing` gets, for the first byte of the race, for each agent whether one of its accesses races. */
bool naive_order_access(naive_order *it, uint32_t memory, bool is_write, const weft__order_access *access,
                        const naive_point *point, uint64_t begin, uint64_t end, weft__order_race *out,
                        bool out_racing[NAIVE_AGENTS]);

#endif
