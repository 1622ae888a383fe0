#include "sweep_run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "sweep_workers.h"

/* The process that has the store: its own threads and the other ranks take points from here. */
typedef struct run_coordinator {
    const sweep_run *run;
    sweep_store *store;
    pthread_mutex_t lock; /* of all that follows, and of the store */
    size_t next;          /* no point before it is left */
    int code;             /* of the first error, which ends the sweep */
    cli_progress progress;
} run_coordinator;

static size_t take_points(run_coordinator *coordinator, size_t *out, size_t wanted)
{
    size_t count = 0;
    pthread_mutex_lock(&coordinator->lock);
    for (; count < wanted && coordinator->code == CLI_EXIT_OK && coordinator->next < coordinator->store->count;
         coordinator->next++) {
        if (!sweep_store_has(coordinator->store, coordinator->next))
            out[count++] = coordinator->next;
    }
    pthread_mutex_unlock(&coordinator->lock);
    return count;
}

static int keep_outcome(run_coordinator *coordinator, const char *line, size_t bytes)
{
    json_t *outcome = json_loadb(line, bytes, 0, NULL);
    int code = sweep_store_add(coordinator->store, outcome, line, bytes);
    json_decref(outcome);
    return code;
}

static void keep_line(run_coordinator *coordinator, const char *line, size_t bytes)
{
    pthread_mutex_lock(&coordinator->lock);
    if (coordinator->code == CLI_EXIT_OK)
        coordinator->code = keep_outcome(coordinator, line, bytes);
    cli_progress_show(&coordinator->progress, coordinator->store->done, coordinator->store->count, "points");
    pthread_mutex_unlock(&coordinator->lock);
}

static void end_with(run_coordinator *coordinator, int code)
{
    pthread_mutex_lock(&coordinator->lock);
    if (coordinator->code == CLI_EXIT_OK)
        coordinator->code = code;
    pthread_mutex_unlock(&coordinator->lock);
}

static bool take_of_coordinator(void *user, size_t *out_point)
{
    return take_points(user, out_point, 1) > 0;
}

static void give_to_coordinator(void *user, char *line)
{
    keep_line(user, line, strlen(line));
    free(line);
}

static void keep_report(run_coordinator *coordinator, const sweep_report *report)
{
    if (report->identity && !json_equal(report->identity, coordinator->run->identity)) {
        cli_error(
            coordinator->run->verb,
            "Rank %d has another version of weft, command line or content of the machine file or the saved run than "
            "rank 0.",
            report->rank);
        end_with(coordinator, CLI_EXIT_INPUT);
    }
    for (const char *line = report->lines; *line;) {
        size_t bytes = strcspn(line, "\n");
        keep_line(coordinator, line, bytes);
        line += bytes + 1;
    }
}

/* Answers the other ranks until all have left. */
static void serve(run_coordinator *coordinator)
{
    const sweep_ranks *ranks = coordinator->run->ranks;
    for (int present = ranks->count - 1; present > 0;) {
        sweep_report report;
        sweep_ranks_receive_report(ranks, &report);
        keep_report(coordinator, &report);
        if (report.leaves) {
            present--;
        } else {
            size_t *points = cli_allocate(report.wanted * sizeof *points);
            size_t count = take_points(coordinator, points, report.wanted);
            sweep_ranks_send_points(ranks, report.rank, points, count);
            free(points);
        }
        sweep_report_release(&report);
    }
}

int sweep_run_coordinator(const sweep_run *run, sweep_store *store, int code)
{
    run_coordinator coordinator = {.run = run, .store = store, .code = code};
    sweep_exchange exchange = {.user = &coordinator, .take = take_of_coordinator, .give = give_to_coordinator};
    sweep_workers workers = {0};
    size_t left = store->count - store->done;
    pthread_mutex_init(&coordinator.lock, NULL);
    cli_progress_begin(&coordinator.progress, run->verb);
    if (code == CLI_EXIT_OK && left > 0) {
        code =
            sweep_workers_start(run->verb, run->points, &exchange, run->threads < left ? run->threads : left, &workers);
        end_with(&coordinator, code);
    }
    serve(&coordinator);
    sweep_workers_join(&workers);
    cli_progress_end(&coordinator.progress);
    pthread_mutex_destroy(&coordinator.lock);
    return coordinator.code;
}

/* A process without the store: points come from rank 0, and outcomes go there with the next request. */
typedef struct run_client {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t news;  /* points have come, or there are no more */
    pthread_cond_t idle;  /* a thread has finished a point */
    size_t threads;
    size_t *queue; /* room for one point for each thread */
    size_t queued, in_work;
    bool is_over; /* rank 0 has no more points */
    char *lines;  /* for rank 0 */
    size_t line_bytes;
} run_client;

static bool take_of_client(void *user, size_t *out_point)
{
    run_client *client = user;
    pthread_mutex_lock(&client->lock);
    while (client->queued == 0 && !client->is_over)
        pthread_cond_wait(&client->news, &client->lock);
    bool is_there = client->queued > 0;
    if (is_there) {
        *out_point = client->queue[--client->queued];
        client->in_work++;
    }
    pthread_mutex_unlock(&client->lock);
    return is_there;
}

static void give_to_client(void *user, char *line)
{
    run_client *client = user;
    size_t bytes = strlen(line);
    pthread_mutex_lock(&client->lock);
    client->lines = cli_reallocate(client->lines, client->line_bytes + bytes + 2);
    memcpy(client->lines + client->line_bytes, line, bytes);
    memcpy(client->lines + client->line_bytes + bytes, "\n", 2);
    client->line_bytes += bytes + 1;
    client->in_work--;
    pthread_cond_signal(&client->idle);
    pthread_mutex_unlock(&client->lock);
    free(line);
}

/* Waits until there is something to tell rank 0, and takes it. */
static void next_report(run_client *client, sweep_report *out)
{
    pthread_mutex_lock(&client->lock);
    while (client->line_bytes == 0 && client->queued + client->in_work > 0 &&
           (client->is_over || client->queued + client->in_work == client->threads))
        pthread_cond_wait(&client->idle, &client->lock);
    size_t busy = client->queued + client->in_work;
    out->wanted = client->is_over ? 0 : client->threads - busy;
    out->leaves = client->is_over && busy == 0;
    out->lines = client->line_bytes > 0 ? client->lines : memset(cli_allocate(1), 0, 1);
    if (client->line_bytes > 0)
        client->lines = NULL;
    client->line_bytes = 0;
    pthread_mutex_unlock(&client->lock);
}

static void receive_points(run_client *client, const sweep_ranks *ranks, size_t wanted)
{
    size_t count, *points = sweep_ranks_receive_points(ranks, &count);
    pthread_mutex_lock(&client->lock);
    memcpy(client->queue + client->queued, points, count * sizeof *points);
    client->queued += count;
    client->is_over = client->is_over || count < wanted;
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->lock);
    free(points);
}

static void talk_to_rank_0(run_client *client, const sweep_run *run)
{
    sweep_report report = {.identity = json_incref(run->identity)};
    do {
        next_report(client, &report);
        sweep_ranks_send_report(run->ranks, &report);
        if (!report.leaves)
            receive_points(client, run->ranks, report.wanted);
        bool leaves = report.leaves;
        sweep_report_release(&report);
        report.leaves = leaves;
    } while (!report.leaves);
}

int sweep_run_client(const sweep_run *run)
{
    run_client client = {.queue = cli_allocate(run->threads * sizeof *client.queue)};
    sweep_exchange exchange = {.user = &client, .take = take_of_client, .give = give_to_client};
    sweep_workers workers;
    pthread_mutex_init(&client.lock, NULL);
    pthread_cond_init(&client.news, NULL);
    pthread_cond_init(&client.idle, NULL);
    int code = sweep_workers_start(run->verb, run->points, &exchange, run->threads, &workers);
    if (code != CLI_EXIT_OK)
        client.is_over = true; /* no thread is there that could see it change */
    client.threads = workers.count;
    talk_to_rank_0(&client, run);
    sweep_workers_join(&workers);
    pthread_cond_destroy(&client.idle);
    pthread_cond_destroy(&client.news);
    pthread_mutex_destroy(&client.lock);
    free(client.queue);
    free(client.lines);
    return code;
}
