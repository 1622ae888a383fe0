#include "sweep_ranks.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "json_output.h"
#include "output.h"

/* What launchers put into the environment of a rank: the size of the job (Open MPI; MPICH and others that use Hydra or
 * PMI), or, from a resource manager that tells the size by other ways, the rank alone. */
static const char *const size_variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
static const char *const rank_variables[] = {"PMIX_RANK", "PMI_RANK"};

bool sweep_ranks_expected(void)
{
    for (size_t i = 0; i < sizeof size_variables / sizeof size_variables[0]; i++) {
        const char *size = getenv(size_variables[i]);
        if (size)
            return strcmp(size, "1") != 0;
    }
    for (size_t i = 0; i < sizeof rank_variables / sizeof rank_variables[0]; i++) {
        if (getenv(rank_variables[i]))
            return true;
    }
    return false;
}

int sweep_ranks_open(const char *verb, sweep_ranks *out)
{
    /* Libraries that MPI loads in its turn look for its symbols among the global ones. It stays loaded: it has handlers
     * that run at exit. */
    void *plugin = dlopen(WEFT_MPI_FILE, RTLD_NOW | RTLD_GLOBAL);
    out->mpi = plugin ? dlsym(plugin, WEFT_MPI_SYMBOL) : NULL;
    if (!out->mpi) {
        cli_error(verb,
                  "This is one of several ranks of an MPI job, which cannot share the points without " WEFT_MPI_FILE
                  ", which comes with a weft that was built where MPI is installed: %s.",
                  dlerror());
        return CLI_EXIT_INPUT;
    }
    out->mpi->open(&out->rank, &out->count, &out->on_machine);
    return CLI_EXIT_OK;
}

void sweep_ranks_close(const sweep_ranks *ranks)
{
    if (!ranks->mpi)
        return;
    /* A rank that waits inside of MPI keeps a CPU busy, so it waits for a last, empty message first. */
    if (ranks->rank == 0) {
        for (int rank = 1; rank < ranks->count; rank++)
            ranks->mpi->send(rank, "", 0);
    } else {
        int sender;
        size_t bytes;
        free(ranks->mpi->receive(&sender, &bytes));
    }
    ranks->mpi->close();
}

void sweep_ranks_send_report(const sweep_ranks *ranks, const sweep_report *report)
{
    json_t *head = json_object();
    json_object_set(head, "identity", report->identity ? report->identity : json_null());
    json_object_set_new(head, "wanted", cli_json_count(report->wanted));
    json_object_set_new(head, "leaves", json_boolean(report->leaves));
    char *text = cli_json_line(head);
    size_t head_bytes = strlen(text), lines_bytes = strlen(report->lines);
    text = cli_reallocate(text, head_bytes + 1 + lines_bytes);
    text[head_bytes] = '\n';
    memcpy(text + head_bytes + 1, report->lines, lines_bytes);
    ranks->mpi->send(0, text, head_bytes + 1 + lines_bytes);
    free(text);
    json_decref(head);
}

void sweep_ranks_receive_report(const sweep_ranks *ranks, sweep_report *out)
{
    *out = (sweep_report){0};
    size_t bytes;
    char *text = ranks->mpi->receive(&out->rank, &bytes);
    size_t head_bytes = strcspn(text, "\n");
    json_t *head = json_loadb(text, head_bytes, 0, NULL);
    json_t *identity = json_object_get(head, "identity");
    out->identity = json_is_object(identity) ? json_incref(identity) : NULL;
    out->wanted = (size_t)json_integer_value(json_object_get(head, "wanted"));
    out->leaves = json_is_true(json_object_get(head, "leaves"));
    out->lines = text;
    memmove(text, text + head_bytes + 1, bytes - head_bytes); /* the NUL comes along */
    json_decref(head);
}

void sweep_report_release(sweep_report *report)
{
    json_decref(report->identity);
    free(report->lines);
    *report = (sweep_report){0};
}

void sweep_ranks_send_points(const sweep_ranks *ranks, int rank, const size_t *points, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, cli_json_count(points[i]));
    char *text = cli_json_line(array);
    ranks->mpi->send(rank, text, strlen(text));
    free(text);
    json_decref(array);
}

size_t *sweep_ranks_receive_points(const sweep_ranks *ranks, size_t *out_count)
{
    int sender;
    size_t bytes;
    char *text = ranks->mpi->receive(&sender, &bytes);
    json_t *array = json_loadb(text, bytes, 0, NULL);
    *out_count = json_array_size(array);
    size_t *points = cli_allocate(*out_count * sizeof *points);
    for (size_t i = 0; i < *out_count; i++)
        points[i] = (size_t)json_integer_value(json_array_get(array, i));
    json_decref(array);
    free(text);
    return points;
}
