/* Groups: dispatches between two drains of the command processor, whose outcome is known where the same has been done.
 *
 * The layers of a model are one another's like, and so are its tokens: their weights lie elsewhere, but each in its
 * rows as those of the layer before did. When nothing is under way, and no link, channel or memory remembers anything
 * that later times depend on, a group takes what it took before, and each of its launches too, only later. Then it is
 * one event. */
#ifndef WEFT_SIM_RETIME_GROUP_H
#define WEFT_SIM_RETIME_GROUP_H

#include "sim/retime/recording.h"

typedef struct weft__groups weft__groups;

/* For a player, which is borrowed, before it plays. */
weft_status weft__groups_create(weft__player *player, weft__groups **out, weft_error *err);
/* NULL is fine. */
void weft__groups_destroy(weft__groups *groups);

/* The processor comes to a group. True if it is skipped: weft__processor_drain() will be called when it is over. */
bool weft__groups_skip(weft__groups *groups);
/* A group that has not been skipped has ended. */
void weft__groups_drained(weft__groups *groups);

#endif
