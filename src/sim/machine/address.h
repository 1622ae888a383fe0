/* Physical addresses of 51 bits, and what they name.
 *
 *     [50:47] SIP    [46:42] die    [41:0] offset in the die
 *
 * Dies 0 to 15 are the cubes of the SIP, 16 to 20 belong to IO chiplets, of which our machines have one, die 16; the
 * rest are reserved. Offsets in a cube:
 *
 *     0 to 256 GiB       HBM: the slices of the PEs one behind the other
 *     256 to 512 GiB     SRAM
 *     512 to 768 GiB     command processor: 1 MiB of mailboxes
 *     1 to 4 TiB         PE-local: a window of 1 GiB for each PE, which begins with its TCM
 *
 * and in an IO chiplet, whose window is 1 TiB: 1 MiB of mailboxes of its command processor. Fields, die numbers, the
 * place of the HBM and the IO window are those of the published machine; that those other units have ranges of their
 * own is published too, the ranges themselves are our choice. All calls are for any thread. */
#ifndef WEFT_SIM_MACHINE_ADDRESS_H
#define WEFT_SIM_MACHINE_ADDRESS_H

#include "sim/machine/graph.h"

#define WEFT__ADDRESS_BITS 51u
#define WEFT__ADDRESS_CUBES 16u
#define WEFT__ADDRESS_IO_DIE 16u
#define WEFT__ADDRESS_SIPS 16u

/* What a machine must keep to for all of it to have addresses. */
#define WEFT__ADDRESS_HBM_BYTES (UINT64_C(1) << 38)       /* of a cube */
#define WEFT__ADDRESS_PE_WINDOW_BYTES (UINT64_C(1) << 30) /* so much TCM has a PE at most */
#define WEFT__ADDRESS_PES 3072u                           /* of a cube */
#define WEFT__ADDRESS_SRAM_BYTES (UINT64_C(1) << 38)
#define WEFT__ADDRESS_MAILBOX_BYTES (UINT64_C(1) << 20)

/* In the scratch memory of a PE tensors begin at multiples of so many bytes. */
#define WEFT__SCRATCH_ALIGNMENT 64u

typedef struct weft__address {
    uint32_t sip, die;
    uint64_t offset; /* in the die, below 2^42 */
} weft__address;

/* WEFT_OUT_OF_RANGE if a field has no room in its bits, or the die is a reserved one. */
weft_status weft__address_encode(const weft__address *address, uint64_t *out, weft_error *err);
/* WEFT_OUT_OF_RANGE if there are bits above the 51, or the die is a reserved one. */
weft_status weft__address_decode(uint64_t address, weft__address *out, weft_error *err);

typedef enum weft__region {
    WEFT__REGION_HBM,   /* the slice of a PE */
    WEFT__REGION_TCM,   /* of a PE */
    WEFT__REGION_SRAM,  /* of a cube */
    WEFT__REGION_MCPU,  /* mailboxes of the command processor of a cube */
    WEFT__REGION_IO_CPU /* mailboxes of the command processor of an IO chiplet */
} weft__region;

typedef struct weft__location {
    weft__region region;
    uint32_t node; /* that serves the region; for a TCM the dma of its PE */
    uint32_t sip, cube;
    uint32_t unit;   /* the PE of a slice or TCM, else 0 */
    uint64_t offset; /* in the slice, TCM, ... */
} weft__location;

/* Bytes of one unit of a region: of a slice, a TCM, ...; 0 if the machine has none. A slice is the share of its PE in
 * the HBM of the cube, rounded down to whole flits on all pseudo-channels. */
uint64_t weft__region_bytes(const weft__graph *graph, weft__region region);

/* What lies at an address, and for `bytes` bytes on. WEFT_OUT_OF_RANGE if nothing lies there, or something else from
 * some byte on. With 0 bytes, the address itself must lie in something. */
weft_status weft__address_resolve(const weft__graph *graph, uint64_t address, uint64_t bytes, weft__location *out,
                                  weft_error *err);

/* The address of a location; its node is not looked at. WEFT_OUT_OF_RANGE if the machine has no such place, or none
 * that has an address. */
weft_status weft__address_of(const weft__graph *graph, const weft__location *location, uint64_t *out, weft_error *err);

/* The pseudo-channel of a controller that serves the flit at an address, or at an offset in its slice: consecutive
 * flits take turns on them. The machine must have HBM. */
uint32_t weft__address_channel(const weft__machine_spec *spec, uint64_t address);

#endif
