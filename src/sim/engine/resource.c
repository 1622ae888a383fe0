#include "sim/engine/resource.h"

#include "sim/engine/engine_impl.h"

void weft__resource_init(weft__resource *resource, weft_sim *sim, const char *name, uint64_t capacity)
{
    *resource = (weft__resource){.sim = sim, .name = name, .capacity = capacity, .accounted = sim->now};
}

static void account(weft__resource *resource)
{
    weft__time passed = resource->sim->now - resource->accounted;
    resource->accounted = resource->sim->now;
    resource->info.busy_ps += resource->info.in_use * passed;
    resource->info.queued_ps += resource->waiting.count * passed;
}

static bool fits(const weft__resource *resource, uint64_t units)
{
    return units <= resource->capacity - resource->info.in_use;
}

static void take(weft__resource *resource, uint64_t units)
{
    resource->info.in_use += units;
    resource->info.taken++;
}

bool weft__resource_acquire_then(weft__resource *resource, uint64_t units, weft__event_function *function,
                                 uint64_t argument)
{
    if (units == 0 || units > resource->capacity) {
        (void)weft__sim_fail(resource->sim, WEFT_INVALID_ARGUMENT,
                             "Resource '%s' was asked for %llu units, but has 1 to %llu to give.", resource->name,
                             (unsigned long long)units, (unsigned long long)resource->capacity);
        return false;
    }
    account(resource);
    if (!resource->waiting.count && fits(resource, units)) {
        take(resource, units);
        return true;
    }
    if (function &&
        weft__waiters_add(resource->sim, &resource->waiting, resource->name, (weft__waiter){function, argument, units}))
        resource->info.waits++;
    return false;
}

void weft__resource_acquire(weft__process *self, weft__resource *resource, uint64_t units)
{
    if (!weft__resource_acquire_then(resource, units, weft__process_go_on, (uintptr_t)self))
        weft__process_block(self, resource->name);
}

void weft__resource_release(weft__resource *resource, uint64_t units)
{
    if (units > resource->info.in_use) {
        (void)weft__sim_fail(resource->sim, WEFT_INVALID_ARGUMENT,
                             "Resource '%s' was given back %llu units, but %llu are in use.", resource->name,
                             (unsigned long long)units, (unsigned long long)resource->info.in_use);
        return;
    }
    account(resource);
    resource->info.in_use -= units;
    while (resource->waiting.count && fits(resource, weft__waiters_first(resource->sim, &resource->waiting)->value)) {
        weft__waiter waiter = weft__waiters_take(resource->sim, &resource->waiting);
        take(resource, waiter.value);
        weft__waiter_wake(resource->sim, &waiter);
    }
}

void weft__resource_get_info(weft__resource *resource, weft__resource_info *out)
{
    account(resource);
    *out = resource->info;
    out->waiting = resource->waiting.count;
}
