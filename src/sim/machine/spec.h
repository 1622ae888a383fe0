/* A machine as its YAML file says it: plain numbers, all of them present after loading (defaults are filled in), all
 * within their ranges. What a key means, its unit, default and range stand in the table of schema.c, which is also what
 * the loader, `--set` and the printed documentation go by.
 *
 * The hierarchy: a system of SIPs behind one switch; a SIP is a grid of cubes and one IO chiplet; a cube is a grid of
 * routers, on which PEs with a slice of HBM each, the UCIe connections to neighbouring cubes, an SRAM and the cube's
 * command processor sit. A machine of one SIP, one cube and no HBM is a bare network. */
#ifndef WEFT_SIM_MACHINE_SPEC_H
#define WEFT_SIM_MACHINE_SPEC_H

#include <stdbool.h>
#include <stdint.h>

/* How the SIPs are joined beside the switch that the host reaches them through. */
typedef enum weft__sip_fabric {
    WEFT__SIPS_SWITCH, /* through the switch alone */
    WEFT__SIPS_RING,
    WEFT__SIPS_TORUS, /* of system.rows x system.columns */
    WEFT__SIPS_MESH
} weft__sip_fabric;

/* Which of the flits that wait for a link goes next. */
typedef enum weft__arbitration {
    WEFT__ARBITRATE_FIFO,       /* the one that came first */
    WEFT__ARBITRATE_ROUND_ROBIN /* inputs in turn */
} weft__arbitration;

typedef enum weft__side {
    WEFT__NORTH,
    WEFT__EAST,
    WEFT__SOUTH,
    WEFT__WEST
} weft__side;
#define WEFT__SIDES 4u

/* A place in the grid of routers of a cube; row 0 is the northern one, column 0 the western one. */
typedef struct weft__place {
    uint32_t row, column;
} weft__place;

/* The input buffers at the far end of a link, and how the flits that wait for the link are chosen. */
typedef struct weft__flow_control {
    uint32_t buffer_flits; /* of each virtual channel; 0: unbounded, and no credits */
    uint32_t vcs;          /* virtual channels; 0: as many as there are messages */
    weft__arbitration arbitration;
    double credit_ns; /* from a flit's leaving the buffer until the sender may use its place */
    double vc_ns;     /* from a message's leaving a virtual channel until the next one may go */
    bool tail_credit; /* a virtual channel is free again only when the buffer of its last message has drained */
} weft__flow_control;

typedef struct weft__system_spec {
    uint32_t sips;
    weft__sip_fabric fabric;
    uint32_t rows, columns; /* of SIPs in a torus or mesh */
    double ns_per_mm;       /* of every wire */
    uint32_t flit_bytes;    /* also the burst of the HBM */
    uint32_t command_bytes; /* of a message without payload */
    double link_gbs;        /* between SIPs, and between switch and SIP */
    double link_mm;
    double switch_overhead_ns;
} weft__system_spec;

typedef struct weft__host_spec {
    double link_gbs; /* to the switch */
    double link_mm;
    double submit_ns; /* of its own time, for each command buffer */
    double sync_ns;   /* from knowing that a command buffer is done until it goes on */
} weft__host_spec;

/* What takes command buffers apart. It sits at the command processor of the first SIP's IO chiplet. */
typedef struct weft__processor_spec {
    double dispatch_ns, barrier_ns; /* for each of them */
    double signal_ns, wait_ns;      /* of a fence */
} weft__processor_spec;

/* The IO chiplet: PCIe end point, command processor, a network node that joins them, and connections to the cubes along
 * one side of the SIP, as many on each as cubes have among one another. */
typedef struct weft__io_spec {
    weft__side side;
    double link_gbs; /* inside the chiplet */
    double pcie_overhead_ns, noc_overhead_ns, cpu_overhead_ns;
} weft__io_spec;

typedef struct weft__sip_spec {
    uint32_t rows, columns; /* of cubes */
    weft__io_spec io;
} weft__sip_spec;

typedef struct weft__ucie_spec {
    uint32_t connections; /* on each side of a cube */
    double gbs;           /* of one connection and direction */
    double overhead_ns;   /* of each of the two ends that a crossing passes */
    double length_mm;
    weft__flow_control flow;
} weft__ucie_spec;

typedef struct weft__hbm_spec {
    uint32_t gib;         /* of the cube, divided equally among its PEs; 0: the cube has no HBM */
    uint32_t channels;    /* pseudo-channels of a controller; a power of two */
    double channel_gbs;   /* of one pseudo-channel */
    double link_gbs;      /* between controller and router */
    double overhead_ns;   /* of the controller, once for each transaction */
    double turnaround_ns; /* of a pseudo-channel when the direction changes */
    double open_ns;       /* of a busy pseudo-channel before the first chunk of another transaction */
    uint32_t row_flits;   /* of a pseudo-channel; 0: each transaction opens a row of its own */
} weft__hbm_spec;

typedef struct weft__sram_spec {
    uint32_t mib; /* 0: the cube has none */
    weft__place at;
    double link_gbs;
    double overhead_ns;
} weft__sram_spec;

/* The command processor of a cube. */
typedef struct weft__mcpu_spec {
    weft__place at;
    double overhead_ns;
} weft__mcpu_spec;

typedef struct weft__cube_spec {
    uint32_t rows, columns; /* of routers */
    weft__place *holes;     /* places of the grid without a router */
    unsigned hole_count;
    weft__place *pes; /* the router of each PE; none: every router has one, row by row */
    unsigned pe_count;
    double pitch_mm; /* between neighbouring routers */
    double router_overhead_ns;
    double link_gbs; /* between neighbouring routers */
    weft__flow_control flow;
    uint32_t input_speedup; /* flits that one input of a router can send in the time of one on a link
                             * between routers; 0: any number */
    weft__ucie_spec ucie;
    weft__hbm_spec hbm;
    weft__sram_spec sram;
    weft__mcpu_spec mcpu;
} weft__cube_spec;

typedef struct weft__dma_spec {
    uint32_t channels;    /* for reads, and as many for writes: a channel is held until the transaction has ended */
    uint32_t outstanding; /* reads of one command that a channel has under way at once */
    double setup_ns;
} weft__dma_spec;

typedef struct weft__tcm_spec {
    double read_gbs, write_gbs; /* between the memory and the registers, at the same time */
    uint32_t banks;             /* 0: no operand is slower than another */
    uint32_t bank_bytes;        /* that a bank gives at once */
} weft__tcm_spec;

typedef struct weft__mmu_spec {
    uint32_t page_kib;    /* a power of two */
    uint32_t tlb_entries; /* of each direction; 0: every page is looked up anew */
    double tlb_ns;        /* for each page that a DMA command touches and the TLB does not have */
} weft__mmu_spec;

/* The array of multiply-accumulators. It works on one tile of outputs at a time, all of them at once. */
typedef struct weft__gemm_spec {
    uint32_t tile_m, tile_k, tile_n;
    uint32_t macs_f64, macs_f32, macs_f16, macs_bf16, macs_i8; /* in a cycle, by the type of what is multiplied */
} weft__gemm_spec;

/* The vector unit: so many elements side by side, and cycles for each step of an operation on them. */
typedef struct weft__math_spec {
    uint32_t lanes;
    uint32_t simple_cycles, divide_cycles, exp_cycles;
} weft__math_spec;

typedef struct weft__scheduler_spec {
    uint32_t tiles; /* of composite commands that are under way at once */
} weft__scheduler_spec;

/* The memory that queues between PEs have their slots in. */
typedef enum weft__slot_memory {
    WEFT__SLOTS_TCM,  /* of the receiver */
    WEFT__SLOTS_SRAM, /* of its cube */
    WEFT__SLOTS_HBM   /* its slice */
} weft__slot_memory;

/* What an access to a slot takes. */
typedef struct weft__slot_spec {
    double overhead_ns;
    double gbs;
    double hop_gbs; /* of the way to the bank; the TCM has none, and this is 0 */
} weft__slot_spec;

typedef struct weft__ipcq_spec {
    uint32_t slots; /* of a queue */
    uint32_t slot_bytes;
    weft__slot_memory memory;
    weft__slot_spec tcm, sram, hbm;
} weft__ipcq_spec;

typedef struct weft__pe_spec {
    double link_gbs; /* to and from its router */
    double link_mm;
    double cpu_overhead_ns;
    double clock_ghz;
    uint32_t dispatch_cycles;
    uint32_t tcm_kib;
    uint32_t scratch_kib; /* of it, for what a kernel makes; 0: all */
    weft__dma_spec dma;
    weft__tcm_spec tcm;
    weft__mmu_spec mmu;
    weft__gemm_spec gemm;
    weft__math_spec math;
    weft__scheduler_spec scheduler;
    weft__ipcq_spec ipcq;
} weft__pe_spec;

/* How far times vary in a perturbed run. */
typedef struct weft__perturb_spec {
    double message_ns;       /* most that a message waits before it leaves */
    uint32_t engine_percent; /* most that a stage of an engine takes longer */
} weft__perturb_spec;

typedef struct weft__machine_spec {
    char *name;
    weft__system_spec system;
    weft__host_spec host;
    weft__processor_spec processor;
    weft__sip_spec sip;
    weft__cube_spec cube;
    weft__pe_spec pe;
    weft__perturb_spec perturb;
} weft__machine_spec;

#endif
