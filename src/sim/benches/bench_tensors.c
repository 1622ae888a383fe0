#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "sim/benches/bench_impl.h"
#include "sim/machine/machine.h"
#include "sim/replay/kernels.h"

weft__bench_purpose weft__bench_purpose_of(const char *tensor)
{
    weft__bench_purpose purpose;
    (void)snprintf(purpose.text, sizeof purpose.text, "tensor '%s'", tensor);
    return purpose;
}

void *weft__bench_memory(weft__bench_run *run, const char *what, size_t count, size_t bytes)
{
    if (weft__bench_has_failed(run))
        return NULL;
    unsigned char *memory = weft__arena_alloc_array(&run->arena, count, bytes, sizeof(max_align_t));
    if (!memory) {
        size_t all;
        if (__builtin_mul_overflow(count, bytes, &all))
            all = SIZE_MAX;
        (void)weft__fail_memory(&run->err, all, what);
        return NULL;
    }
    for (size_t i = 0; i < count * bytes; i++)
        memory[i] = 0;
    return memory;
}

double *weft__bench_numbers(weft__bench_run *run, const char *what, size_t count)
{
    return run->verifies ? weft__bench_memory(run, what, count, sizeof(double)) : NULL;
}

weft_placement weft__bench_divided(weft_pe_set pes, weft_split split)
{
    return (weft_placement){.pes = pes, .over_sips = split, .over_cubes = split, .over_pes = split};
}

/* Where tensors lie on this machine. */
static weft_home home_of(weft__bench_run *run)
{
    const weft__machine_spec *spec = run->machine->spec;
    if (spec->cube.hbm.gib == 0 && spec->cube.sram.mib == 0)
        weft__bench_fail(run, WEFT_UNSUPPORTED,
                         "Machine '%s' has no memory for the tensors of bench '%s': cube.hbm.gib and cube.sram.mib are "
                         "0.",
                         spec->name, run->bench->name);
    return spec->cube.hbm.gib == 0 ? WEFT_HOME_SRAM : WEFT_HOME_HBM;
}

weft_placed_tensor *weft__bench_tensor(weft__bench_run *run, const char *name, weft_dtype dtype, weft_shape shape,
                                       const weft_placement *placement)
{
    weft_placement placed = *placement;
    placed.home = home_of(run);
    weft__bench_tensor_record *record = weft__bench_memory(run, weft__bench_purpose_of(name).text, 1, sizeof *record);
    if (!record)
        return NULL;
    *record = (weft__bench_tensor_record){.name = name, .dtype = dtype, .shape = shape};
    weft_status status = weft_placed_tensor_create(run->simulation, dtype, &shape, &placed, &record->placed, &run->err);
    if (status != WEFT_OK) {
        (void)weft__fail_within(&run->err, status, "Tensor '%s'", name);
        return NULL;
    }
    record->next = run->tensors;
    run->tensors = record;
    return record->placed;
}

void weft__bench_destroy_tensors(weft__bench_run *run)
{
    for (const weft__bench_tensor_record *it = run->tensors; it; it = it->next)
        weft_placed_tensor_destroy(it->placed);
}

const weft__bench_tensor_record *weft__bench_record_of(const weft__bench_run *run, const weft_placed_tensor *tensor)
{
    const weft__bench_tensor_record *it = run->tensors;
    while (it->placed != tensor)
        it = it->next;
    return it;
}

/* ---- data ---- */

double weft__bench_rounded(weft_dtype dtype, double number)
{
    uint64_t room;
    weft__store_doubles(dtype, &room, 0, &number, 1);
    weft__load_doubles(dtype, &room, 0, &number, 1);
    return number;
}

/* Gives the tensor its numbers, which become what their dtype makes of them. */
static void set_numbers(weft__bench_run *run, const weft__bench_tensor_record *record, double *numbers, size_t count)
{
    size_t bytes = count * weft_dtype_bytes(record->dtype);
    void *data = malloc(bytes);
    if (!data) {
        (void)weft__fail_memory(&run->err, bytes, weft__bench_purpose_of(record->name).text);
        return;
    }
    weft__store_doubles(record->dtype, data, 0, numbers, count);
    weft__load_doubles(record->dtype, data, 0, numbers, count);
    weft_status status = weft_placed_tensor_set(record->placed, data, bytes, &run->err);
    if (status != WEFT_OK)
        (void)weft__fail_within(&run->err, status, "Tensor '%s'", record->name);
    free(data);
}

const double *weft__bench_fill(weft__bench_run *run, weft_placed_tensor *tensor, double scale)
{
    if (weft__bench_has_failed(run) || !run->verifies)
        return NULL;
    const weft__bench_tensor_record *record = weft__bench_record_of(run, tensor);
    bool is_whole = weft__dtype_is_integer(record->dtype);
    size_t count = weft_shape_elements(&record->shape);
    double *numbers = weft__bench_numbers(run, weft__bench_purpose_of(record->name).text, count);
    if (!numbers)
        return NULL;
    uint64_t stream = run->fills++;
    for (size_t i = 0; i < count; i++) {
        double unit = weft__rng_unit_of(weft__rng_at(run->options->seed, stream, i));
        numbers[i] = is_whole ? floor(unit * (2 * scale + 1)) - scale : (2 * unit - 1) * scale;
    }
    set_numbers(run, record, numbers, count);
    return numbers;
}

const double *weft__bench_set(weft__bench_run *run, weft_placed_tensor *tensor, const double *numbers)
{
    if (weft__bench_has_failed(run) || !run->verifies)
        return NULL;
    const weft__bench_tensor_record *record = weft__bench_record_of(run, tensor);
    size_t count = weft_shape_elements(&record->shape);
    double *kept = weft__bench_numbers(run, weft__bench_purpose_of(record->name).text, count);
    if (!kept)
        return NULL;
    for (size_t i = 0; i < count; i++)
        kept[i] = numbers[i];
    set_numbers(run, record, kept, count);
    return kept;
}
