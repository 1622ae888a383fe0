/* A PE at rest, and what commands change of it from one rest to the next. */
#ifndef WEFT_SIM_PE_REST_H
#define WEFT_SIM_PE_REST_H

#include "sim/pe/pe.h"

/* No command is under way that its kernel gave. And none of its messages, either. */
bool weft__pe_has_rest(const weft__pe *pe);
bool weft__pe_sends_nothing(const weft__pe *pe);

/* What a PE counts, without its queues; so far, or from one rest to another. */
typedef struct weft__pe_counts {
    weft__pe_times times;
    uint64_t compute_ps, composites, commands;
} weft__pe_counts;

/* At rest: counts what has passed up to now. */
void weft__pe_account(weft__pe *pe);
/* The same, and gives what has been counted. */
void weft__pe_counts_get(weft__pe *pe, weft__pe_counts *out);
/* At rest: puts back what had been counted at this time. */
void weft__pe_counts_set(weft__pe *pe, const weft__pe_counts *counts, weft__time time);
/* What came to them since. */
void weft__pe_counts_subtract(weft__pe_counts *counts, const weft__pe_counts *since);
/* At rest: adds what was done from the time of weft__pe_account() up to now. */
void weft__pe_counts_add(weft__pe *pe, const weft__pe_counts *counts);

#endif
