#include "sim/engine/store.h"

#include "sim/engine/engine_impl.h"

void weft__store_init(weft__store *store, weft_sim *sim, const char *name, uint64_t capacity)
{
    *store = (weft__store){.sim = sim, .name = name, .capacity = capacity, .accounted = sim->now};
    if (capacity == 0)
        (void)weft__sim_fail(sim, WEFT_INVALID_ARGUMENT, "Store '%s' has room for 0 items, but needs it for one.",
                             name);
}

static void account(weft__store *store)
{
    weft__time passed = store->sim->now - store->accounted;
    store->accounted = store->sim->now;
    store->info.filled_ps += store->items.count * passed;
    store->info.queued_ps += store->putters.count * passed;
}

static bool keep(weft__store *store, uint64_t item)
{
    if (!weft__waiters_add(store->sim, &store->items, store->name, (weft__waiter){.value = item}))
        return false;
    if (store->items.count > store->info.items_max)
        store->info.items_max = store->items.count;
    store->info.puts++;
    return true;
}

bool weft__store_put_then(weft__store *store, uint64_t item, weft__event_function *function, uint64_t argument)
{
    account(store);
    if (store->getters.count) { /* then there are no items */
        weft__waiter getter = weft__waiters_take(store->sim, &store->getters);
        *(uint64_t *)(uintptr_t)getter.value = item;
        store->info.puts++;
        weft__waiter_wake(store->sim, &getter);
        return true;
    }
    if (store->items.count < store->capacity)
        return keep(store, item);
    if (function &&
        weft__waiters_add(store->sim, &store->putters, store->name, (weft__waiter){function, argument, item}))
        store->info.put_waits++;
    return false;
}

bool weft__store_get_then(weft__store *store, uint64_t *out, weft__event_function *function, uint64_t argument)
{
    account(store);
    if (store->items.count) {
        *out = weft__waiters_take(store->sim, &store->items).value;
        if (store->putters.count) { /* the first takes the room that this has made; its own entry makes that certain */
            weft__waiter putter = weft__waiters_take(store->sim, &store->putters);
            (void)keep(store, putter.value);
            weft__waiter_wake(store->sim, &putter);
        }
        return true;
    }
    if (function &&
        weft__waiters_add(store->sim, &store->getters, store->name, (weft__waiter){function, argument, (uintptr_t)out}))
        store->info.get_waits++;
    return false;
}

void weft__store_put(weft__process *self, weft__store *store, uint64_t item)
{
    if (!weft__store_put_then(store, item, weft__process_go_on, (uintptr_t)self))
        weft__process_block(self, store->name);
}

uint64_t weft__store_get(weft__process *self, weft__store *store)
{
    uint64_t item = 0;
    if (!weft__store_get_then(store, &item, weft__process_go_on, (uintptr_t)self))
        weft__process_block(self, store->name);
    return item;
}

void weft__store_get_info(weft__store *store, weft__store_info *out)
{
    account(store);
    *out = store->info;
    out->items = store->items.count;
    out->getters = store->getters.count;
    out->putters = store->putters.count;
}
