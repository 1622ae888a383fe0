/* The host's side of the command processor: it commits, and it waits. */
#include <stdlib.h>

#include "base/status.h"
#include "devices/sim/processor_impl.h"
#include "sim/machine/graph.h"

weft_status weft__sim_processor_create(weft__sim_device *sim, const weft__device_options *options, weft_error *err)
{
    const weft__host_spec *host = &weft__simulation_graph(sim->simulation)->spec->host;
    weft__sim_processor *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the command processor");
    it->sim = sim;
    weft__processor_init(&it->core, sim->simulation, &weft__sim_processor_client, it);
    it->submit_ps = weft__ps_of_ns(host->submit_ns);
    it->sync_ps = weft__ps_of_ns(host->sync_ns);
    it->shuffles = options->shuffle;
    it->shuffle_seed = options->shuffle_seed;
    it->last = &it->first;
    pthread_mutex_init(&it->wait_lock, NULL);
    sim->processor = it;
    return WEFT_OK;
}

void weft__sim_processor_destroy(weft__sim_processor *it)
{
    if (!it)
        return;
    while (it->jobs) { /* what an error of the simulation has left */
        weft__sim_job *job = it->jobs;
        it->jobs = job->next;
        weft__sim_job_free(job);
    }
    pthread_mutex_destroy(&it->wait_lock);
    free(it);
}

weft_status weft__sim_fail_lost(const weft__sim_device *sim, const weft_error *first, weft_error *err)
{
    return weft__fail(err, WEFT_DEVICE_LOST, "The simulation of machine '%s' ended earlier: %s",
                      weft__simulation_graph(sim->simulation)->spec->name, first->message);
}

void weft__sim_submit(weft_device *device, weft__command_buffer *commands)
{
    weft__sim_device *sim = device->driver;
    weft__sim_processor *it = sim->processor;
    const weft__host_listener *listener = sim->simulation->listener;
    pthread_mutex_lock(&sim->lock);
    uint64_t time = atomic_load(&sim->times.host_ps) + it->submit_ps;
    weft__sim_host_until(&sim->times, WEFT__SIM_SUBMIT, time);
    commands->submitted_ps = time;
    commands->next = NULL;
    *it->last = commands;
    it->last = &commands->next;
    if (!it->turn)
        it->turn = commands;
    if (listener)
        listener->submits(listener->context, weft__sim_count_parts(commands));
    (void)weft__sim_at(sim->simulation->sim, time, 0, weft__sim_processor_send, (uintptr_t)commands);
    pthread_mutex_unlock(&sim->lock);
}

/* Nothing happens any more, and a command buffer has not come to its end. */
static void fail_stuck(weft__sim_processor *it)
{
    weft_error err;
    weft_simulation *simulation = it->sim->simulation;
    const weft__sim_job *oldest = it->jobs;
    while (oldest && oldest->next)
        oldest = oldest->next;
    if (oldest) {
        (void)weft__kernel_launch_fail_stuck(simulation, oldest->launch, NULL);
        return;
    }
    if (weft__fabric_check_arrived(simulation->fabric, &err) == WEFT_OK)
        (void)weft__fail(&err, WEFT_INTERNAL, "Nothing happens any more, though all messages have arrived.");
    (void)weft__simulation_fail(simulation, &err, NULL);
}

/* Simulates until the host knows of the command buffer's end. */
static void reach(weft__sim_processor *it, const weft__command_buffer *commands)
{
    weft_error err;
    weft__sim_times *times = &it->sim->times;
    if (it->core.known >= commands->sequence)
        return;
    weft__sim_host_begin(times, WEFT__SIM_LINK);
    while (!it->is_lost && it->core.known < commands->sequence) {
        it->core.has_news = false;
        weft_status status = weft__simulation_run_until(it->sim->simulation, &it->core.has_news, &err);
        if (status == WEFT_OK && !it->core.has_news)
            fail_stuck(it);
        if (status != WEFT_OK || !it->core.has_news)
            weft__sim_processor_lose(it);
    }
    if (it->core.known < commands->sequence) /* lost before, and committed since */
        weft__sim_processor_lose(it);
    weft__sim_host_end(times, weft__sim_now(it->sim->simulation->sim));
}

void weft__sim_wait(weft_device *device, uint64_t sequence, bool is_sync)
{
    weft__sim_device *sim = device->driver;
    weft__sim_processor *it = sim->processor;
    weft__command_buffer *commands;
    pthread_mutex_lock(&it->wait_lock);
    pthread_mutex_lock(&sim->lock);
    while ((commands = it->first) && commands->sequence <= sequence) {
        const weft__host_listener *listener = sim->simulation->listener;
        reach(it, commands);
        if (listener)
            listener->awaits_commands(listener->context, is_sync && commands->sequence == sequence);
        if (is_sync && commands->sequence == sequence)
            weft__sim_host_until(&sim->times, WEFT__SIM_SYNC, commands->known_ps + it->sync_ps);
        it->first = commands->next;
        if (!it->first)
            it->last = &it->first;
        pthread_mutex_unlock(&sim->lock); /* buffers that were waiting for this to end free their memory */
        weft__command_buffer_finish(commands, WEFT_OK, NULL);
        pthread_mutex_lock(&sim->lock);
    }
    if (!it->turn)
        weft__sim_host_rest(&sim->times);
    pthread_mutex_unlock(&sim->lock);
    pthread_mutex_unlock(&it->wait_lock);
}
