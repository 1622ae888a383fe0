#include "sim/engine/signal.h"

#include "sim/engine/engine_impl.h"

void weft__signal_init(weft__signal *signal, weft_sim *sim, const char *name)
{
    *signal = (weft__signal){.sim = sim, .name = name, .least = UINT64_MAX};
}

uint64_t weft__signal_value(const weft__signal *signal)
{
    return signal->value;
}

/* Each is taken out and, if its time has not come, put back behind the others: the order stays. */
static void wake(weft__signal *signal)
{
    signal->least = UINT64_MAX;
    for (uint64_t left = signal->waiting.count; left > 0; left--) {
        weft__waiter waiter = weft__waiters_take(signal->sim, &signal->waiting);
        if (waiter.value <= signal->value) {
            weft__waiter_wake(signal->sim, &waiter);
            continue;
        }
        if (waiter.value < signal->least)
            signal->least = waiter.value;
        (void)weft__waiters_add(signal->sim, &signal->waiting, signal->name, waiter); /* its own entry is free */
    }
}

void weft__signal_raise(weft__signal *signal, uint64_t value)
{
    if (value < signal->value) {
        (void)weft__sim_fail(signal->sim, WEFT_INVALID_ARGUMENT, "Signal '%s' stands at %llu and cannot go to %llu.",
                             signal->name, (unsigned long long)signal->value, (unsigned long long)value);
        return;
    }
    signal->value = value;
    if (value >= signal->least)
        wake(signal);
}

void weft__signal_fire(weft__signal *signal)
{
    weft__signal_raise(signal, signal->value + 1);
}

bool weft__signal_wait_then(weft__signal *signal, uint64_t value, weft__event_function *function, uint64_t argument)
{
    if (signal->value >= value)
        return true;
    if (weft__waiters_add(signal->sim, &signal->waiting, signal->name, (weft__waiter){function, argument, value}) &&
        value < signal->least)
        signal->least = value;
    return false;
}

void weft__signal_wait(weft__process *self, weft__signal *signal, uint64_t value)
{
    if (!weft__signal_wait_then(signal, value, weft__process_go_on, (uintptr_t)self))
        weft__process_block(self, signal->name);
}
