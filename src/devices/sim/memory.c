/* Memory of the device: blocks in the HBM of the PEs. */
#include <stdlib.h>

#include "base/rng.h"
#include "base/size.h"
#include "devices/sim/sim_impl.h"
#include "sim/host/host_impl.h"

/* Blocks begin at multiples of this, which rows of HBM through all pseudo-channels seldom exceed: so the blocks of one
 * layer lie in their rows as those of another do. */
#define ALIGNMENT_BYTES (UINT64_C(1) << 14)
/* Blocks have as many bytes at least, and where there are no rows LEAST_FREE_BYTES: what is small is best read with one
 * load. */
#define LEAST_BYTES 256u
#define LEAST_FREE_BYTES 4096u
/* Blocks are multiples of so many bytes, so that an element of any dtype lies in one of them. */
#define CUT_BYTES 64u
/* Longer rows are cut too: a few of them would leave most PEs without a block. */
#define ROW_BYTES_MAX (UINT64_C(1) << 18)

/* ---- layout ---- */

/* The least common multiple of a row and CUT_BYTES, which is a power of two. */
static uint64_t unit_bytes(uint64_t row_bytes)
{
    if (row_bytes == 0)
        return CUT_BYTES;
    uint64_t common = row_bytes & -row_bytes;
    return common < CUT_BYTES ? row_bytes * (CUT_BYTES / common) : row_bytes;
}

static uint64_t block_bytes_of(uint64_t bytes, uint64_t row_bytes, uint32_t pes)
{
    if (row_bytes > ROW_BYTES_MAX)
        row_bytes = 0;
    uint64_t unit = unit_bytes(row_bytes);
    uint64_t share = weft__ceil_div(bytes, pes), least = row_bytes ? LEAST_BYTES : LEAST_FREE_BYTES;
    return weft__ceil_div(weft__max_size(share, least), unit) * unit;
}

/* Buffers of one size and with rows of one length begin at the same PE: so row i of all of them lies at the same one,
 * keys lie where their values do, and layers lie alike. Others begin somewhere else, to be spread. */
static uint32_t first_pe(const weft__sim_device *sim, uint64_t bytes, uint64_t row_bytes, uint32_t count)
{
    if (count == sim->pes)
        return 0;
    return (uint32_t)(weft__rng_mix(weft__rng_mix(bytes) + row_bytes) % sim->pes);
}

/* The bytes of a block: the last one is shorter. */
static uint64_t bytes_of_block(const weft__sim_memory *memory, uint32_t block)
{
    uint64_t begin = block * memory->block_bytes;
    return weft__min_size(memory->block_bytes, memory->bytes - begin);
}

static weft_status allocator_of_block(const weft__sim_device *sim, const weft__sim_memory *memory, uint32_t block,
                                      weft__allocator **out, weft_error *err)
{
    return weft__simulation_allocator(sim->simulation, WEFT_HOME_HBM, (memory->first + block) % memory->pes, out, err);
}

static uint64_t alignment_of(const weft__sim_device *sim)
{
    uint64_t alignment = ALIGNMENT_BYTES;
    while (alignment < weft__simulation_graph(sim->simulation)->spec->system.flit_bytes)
        alignment *= 2;
    return alignment;
}

/* ---- making and ending: under the lock ---- */

static weft_status put_zeros(const weft__sim_device *sim, const weft__sim_memory *memory, uint32_t block,
                             weft_error *err)
{
    const weft_simulation *simulation = sim->simulation;
    weft_status status = WEFT_OK;
    uint64_t bytes = bytes_of_block(memory, block);
    if (!simulation->values)
        return WEFT_OK;
    for (uint64_t done = 0; status == WEFT_OK && done < bytes; done += WEFT__SIM_ZERO_BYTES) {
        const weft_shape shape = weft_shape_1d(weft__min_size(bytes - done, WEFT__SIM_ZERO_BYTES));
        weft__value_id zeros;
        status = weft__values_view(simulation->values, sim->zeros, 0, WEFT_U8, &shape, &zeros, err);
        if (status != WEFT_OK)
            return status;
        status = weft__pe_values_put(simulation->memory, memory->addresses[block] + done, zeros, err);
        weft__values_release(simulation->values, zeros);
    }
    return status;
}

/* Gives back the first `count` blocks. */
static void free_blocks(const weft__sim_device *sim, weft__sim_memory *memory, uint32_t count)
{
    weft__allocator *allocator;
    for (uint32_t i = 0; i < count; i++) {
        if (sim->simulation->memory)
            weft__pe_values_forget(sim->simulation->memory, memory->addresses[i], bytes_of_block(memory, i));
        if (allocator_of_block(sim, memory, i, &allocator, NULL) == WEFT_OK)
            (void)weft__allocator_give_back(allocator, memory->addresses[i], NULL);
    }
}

static weft_status take_blocks(const weft__sim_device *sim, weft__sim_memory *memory, weft_error *err)
{
    uint64_t alignment = alignment_of(sim);
    for (uint32_t i = 0; i < memory->count; i++) {
        weft__allocator *allocator;
        weft_status status = allocator_of_block(sim, memory, i, &allocator, err);
        if (status == WEFT_OK)
            status = weft__allocator_take(allocator, bytes_of_block(memory, i), alignment, &memory->addresses[i], err);
        bool is_taken = status == WEFT_OK;
        if (is_taken)
            status = put_zeros(sim, memory, i, err);
        if (status != WEFT_OK) {
            free_blocks(sim, memory, i + is_taken);
            return status;
        }
    }
    return WEFT_OK;
}

/* Elsewhere, if there is no room from the first PE on. */
static weft_status take_somewhere(const weft__sim_device *sim, weft__sim_memory *memory, uint32_t first,
                                  weft_error *err)
{
    weft_error elsewhere;
    memory->first = first;
    weft_status status = take_blocks(sim, memory, err);
    for (uint32_t tried = memory->count; status == WEFT_OUT_OF_MEMORY && tried < memory->pes; tried += memory->count) {
        memory->first = (first + tried) % memory->pes;
        if (take_blocks(sim, memory, &elsewhere) == WEFT_OK)
            status = WEFT_OK;
    }
    return status;
}

weft_status weft__sim_memory_create(weft_device *device, size_t bytes, weft__allocation *allocation, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    uint64_t block_bytes = block_bytes_of(bytes, allocation->row_bytes, sim->pes);
    uint32_t count = (uint32_t)weft__ceil_div(bytes, block_bytes);
    size_t record_bytes = sizeof(weft__sim_memory) + count * sizeof(uint64_t);
    weft__sim_memory *memory = calloc(1, record_bytes);
    if (!memory)
        return weft__fail_memory(err, record_bytes, "the blocks of a buffer");
    pthread_mutex_lock(&sim->lock);
    memory->bytes = bytes;
    memory->block_bytes = block_bytes;
    memory->pes = sim->pes;
    memory->count = count;
    weft_status status = take_somewhere(sim, memory, first_pe(sim, bytes, allocation->row_bytes, count), err);
    pthread_mutex_unlock(&sim->lock);
    if (status == WEFT_OK)
        allocation->handle = memory;
    else
        free(memory);
    return status;
}

void weft__sim_memory_destroy(weft_device *device, weft__allocation *allocation)
{
    weft__sim_device *sim = device->driver;
    weft__sim_memory *memory = allocation->handle;
    pthread_mutex_lock(&sim->lock);
    free_blocks(sim, memory, memory->count);
    pthread_mutex_unlock(&sim->lock);
    free(memory);
}

weft__sim_stretch weft__sim_find_stretch(const weft__sim_memory *memory, uint64_t offset, uint64_t bytes)
{
    uint64_t within = offset % memory->block_bytes;
    return (weft__sim_stretch){memory->addresses[offset / memory->block_bytes] + within,
                               weft__min_size(memory->block_bytes - within, bytes)};
}

weft_status weft__sim_memory_clear(weft_device *device, weft__allocation *allocation, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    const weft__sim_memory *memory = allocation->handle;
    weft_status status = WEFT_OK;
    pthread_mutex_lock(&sim->lock);
    for (uint32_t i = 0; status == WEFT_OK && i < memory->count; i++)
        status = put_zeros(sim, memory, i, err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}
