#include "sim/machine/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

/* One row of the table, in the order of weft__machine_key. */
#define ROW(path, help, unit, kind, standard, text, least, most, choices, offset, count_offset)                        \
    {                                                                                                                  \
        path, help, unit, kind, standard, text, least, most, choices, offset, count_offset                             \
    }
/* Each names a kind and refuses, when compiled, a member of another type than that kind has. */
#define AS_TEXT(type, member) _Generic(((type *)0)->member, char * : WEFT__KEY_TEXT)
#define AS_COUNT(type, member) _Generic(((type *)0)->member, uint32_t : WEFT__KEY_COUNT)
#define AS_NUMBER(type, member) _Generic(((type *)0)->member, double : WEFT__KEY_NUMBER)
#define AS_FLAG(type, member) _Generic(((type *)0)->member, bool : WEFT__KEY_FLAG)
#define AS_PLACE(type, member) _Generic(((type *)0)->member, weft__place : WEFT__KEY_PLACE)
#define AS_PLACES(type, member) _Generic(((type *)0)->member, weft__place * : WEFT__KEY_PLACES)

#define GROUP(path, help) ROW(path, help, NULL, WEFT__KEY_GROUP, 0, NULL, 0, 0, NULL, 0, 0)
#define TEXT(path, member, standard, most, help)                                                                       \
    ROW(path, help, NULL, AS_TEXT(weft__machine_spec, member), 0, standard, 1, most, NULL,                             \
        offsetof(weft__machine_spec, member), 0)
/* Members of a struct that lies at `base` in the specification. */
#define COUNT_AT(path, base, type, member, unit, standard, least, most, help)                                          \
    ROW(path, help, unit, AS_COUNT(type, member), standard, NULL, least, most, NULL, (base) + offsetof(type, member), 0)
#define NUMBER_AT(path, base, type, member, unit, standard, least, most, help)                                         \
    ROW(path, help, unit, AS_NUMBER(type, member), standard, NULL, least, most, NULL, (base) + offsetof(type, member), \
        0)
#define FLAG_AT(path, base, type, member, standard, help)                                                              \
    ROW(path, help, NULL, AS_FLAG(type, member), standard, NULL, 0, 1, NULL, (base) + offsetof(type, member), 0)
#define CHOICE_AT(path, base, type, member, choices, standard, last, help)                                             \
    ROW(path, help, NULL, WEFT__KEY_CHOICE, standard, NULL, 0, last, choices, (base) + offsetof(type, member), 0)
/* Members of the specification itself. */
#define COUNT_OF(path, member, unit, standard, least, most, help)                                                      \
    COUNT_AT(path, 0, weft__machine_spec, member, unit, standard, least, most, help)
#define COUNT(path, member, standard, least, most, help) COUNT_OF(path, member, NULL, standard, least, most, help)
#define NUMBER(path, member, unit, standard, least, most, help)                                                        \
    NUMBER_AT(path, 0, weft__machine_spec, member, unit, standard, least, most, help)
#define NS(path, member, standard, help) NUMBER(path, member, "ns", standard, 0, 1e6, help)
#define MM(path, member, standard, help) NUMBER(path, member, "mm", standard, 0, 1e4, help)
#define GBS(path, member, standard, help) NUMBER(path, member, "GB/s", standard, 0.001, 1e6, help)
#define CHOICE(path, member, choices, standard, last, help)                                                            \
    CHOICE_AT(path, 0, weft__machine_spec, member, choices, standard, last, help)
#define PLACE(path, member, help)                                                                                      \
    ROW(path, help, NULL, AS_PLACE(weft__machine_spec, member), 0, NULL, 0, WEFT__MACHINE_GRID_MAX - 1, NULL,          \
        offsetof(weft__machine_spec, member), 0)
#define PLACES(path, member, count, standard, help)                                                                    \
    ROW(path, help, NULL, AS_PLACES(weft__machine_spec, member), 0, standard, 0, WEFT__MACHINE_GRID_MAX - 1, NULL,     \
        offsetof(weft__machine_spec, member), offsetof(weft__machine_spec, count))

static const char *const fabrics[] = {
    [WEFT__SIPS_SWITCH] = "switch", [WEFT__SIPS_RING] = "ring",   [WEFT__SIPS_TORUS] = "torus",
    [WEFT__SIPS_MESH] = "mesh",     [WEFT__SIPS_MESH + 1] = NULL,
};
static const char *const arbitrations[] = {
    [WEFT__ARBITRATE_FIFO] = "fifo",
    [WEFT__ARBITRATE_ROUND_ROBIN] = "round_robin",
    [WEFT__ARBITRATE_ROUND_ROBIN + 1] = NULL,
};
static const char *const slot_memories[] = {
    [WEFT__SLOTS_TCM] = "tcm",
    [WEFT__SLOTS_SRAM] = "sram",
    [WEFT__SLOTS_HBM] = "hbm",
    [WEFT__SLOTS_HBM + 1] = NULL,
};
static const char *const sides[] = {
    [WEFT__NORTH] = "north", [WEFT__EAST] = "east", [WEFT__SOUTH] = "south",
    [WEFT__WEST] = "west",   [WEFT__SIDES] = NULL,
};

/* The buffers and arbiters of one sort of links, written flat into the group of that sort. */
#define FLOW_CONTROL(group, flow)                                                                                      \
    COUNT_AT(group ".buffer_flits", offsetof(weft__machine_spec, flow), weft__flow_control, buffer_flits, NULL, 0, 0,  \
             65536,                                                                                                    \
             "Flits that the far end of a link can hold for each virtual channel; 0: any number, and no credits."),    \
        COUNT_AT(group ".vcs", offsetof(weft__machine_spec, flow), weft__flow_control, vcs, NULL, 0, 0, 64,            \
                 "Virtual channels of a link, each held by one message; 0: as many as there are messages."),           \
        CHOICE_AT(group ".arbitration", offsetof(weft__machine_spec, flow), weft__flow_control, arbitration,           \
                  arbitrations, WEFT__ARBITRATE_FIFO, WEFT__ARBITRATE_ROUND_ROBIN,                                     \
                  "Which waiting flit goes next: the one that came first, or one of the next input in turn."),         \
        NUMBER_AT(group ".credit_ns", offsetof(weft__machine_spec, flow), weft__flow_control, credit_ns, "ns", 0, 0,   \
                  1e6, "Time from a flit's leaving a buffer until the sender may use its place."),                     \
        NUMBER_AT(group ".vc_ns", offsetof(weft__machine_spec, flow), weft__flow_control, vc_ns, "ns", 0, 0, 1e6,      \
                  "Time from a message's leaving a virtual channel until the next one may go."),                       \
        FLAG_AT(group ".tail_credit", offsetof(weft__machine_spec, flow), weft__flow_control, tail_credit, false,      \
                "Whether a virtual channel is free again only when the buffer of its last message has drained.")

/* A group stands before its keys, and each path begins with its group's. */
static const weft__machine_key keys[] = {
    TEXT("name", name, "machine", 64, "What the machine is called, in printable ASCII characters."),

    GROUP("system", "The SIPs and what joins them."),
    COUNT("system.sips", system.sips, 1, 1, 16, "SIPs of the system; an address has 4 bits for them."),
    CHOICE("system.fabric", system.fabric, fabrics, WEFT__SIPS_SWITCH, WEFT__SIPS_MESH,
           "How SIPs reach one another: through the switch alone, or over links of their own as well."),
    COUNT("system.rows", system.rows, 0, 0, 16,
          "Rows of SIPs in a torus or mesh; with neither rows nor columns the SIPs must be a square."),
    COUNT("system.columns", system.columns, 0, 0, 16, "Columns of SIPs in a torus or mesh."),
    NUMBER("system.ns_per_mm", system.ns_per_mm, "ns/mm", 0.01, 0, 100,
           "Time that a signal takes along one millimetre of any wire."),
    COUNT_OF("system.flit_bytes", system.flit_bytes, "bytes", 256, 8, 4096,
             "Bytes of a flit, which is also a burst of the HBM; a power of two."),
    COUNT_OF("system.command_bytes", system.command_bytes, "bytes", 16, 1, 4096,
             "Bytes of a message without payload: a read request, a response to a write, a launch."),
    GBS("system.link_gbs", system.link_gbs, 128,
        "Bandwidth of a link between two SIPs, and between the switch and a SIP, in each direction."),
    MM("system.link_mm", system.link_mm, 0, "Length of such a link."),
    NS("system.switch_overhead_ns", system.switch_overhead_ns, 0, "Time that a message takes in the switch."),

    GROUP("host", "The host, behind the switch."),
    GBS("host.link_gbs", host.link_gbs, 128, "Bandwidth of the link between host and switch, in each direction."),
    MM("host.link_mm", host.link_mm, 0, "Length of that link."),
    NS("host.submit_ns", host.submit_ns, 0, "Time that the host needs to hand a command buffer over."),
    NS("host.sync_ns", host.sync_ns, 0,
       "Time until a host that waits goes on, from when it could know that a command buffer is done."),

    GROUP("processor", "What takes command buffers apart, at the command processor of the first SIP's IO chiplet."),
    NS("processor.dispatch_ns", processor.dispatch_ns, 0, "Time for each dispatch, before it is sent to the PEs."),
    NS("processor.barrier_ns", processor.barrier_ns, 0,
       "Time for each barrier, once all dispatches before it have ended."),
    NS("processor.signal_ns", processor.signal_ns, 0, "Time to signal a fence, once all dispatches have ended."),
    NS("processor.wait_ns", processor.wait_ns, 0, "Time to wait for a fence that has been signalled."),

    GROUP("sip", "A SIP: a grid of cubes and one IO chiplet."),
    COUNT("sip.rows", sip.rows, 1, 1, 16, "Rows of cubes; rows and columns give 16 cubes at most."),
    COUNT("sip.columns", sip.columns, 1, 1, 16, "Columns of cubes."),
    GROUP("sip.io", "The IO chiplet: PCIe end point, command processor, and the node that joins them."),
    CHOICE("sip.io.side", sip.io.side, sides, WEFT__WEST, WEFT__WEST,
           "The side of the SIP whose cubes it is connected to."),
    GBS("sip.io.link_gbs", sip.io.link_gbs, 512, "Bandwidth of each link inside the chiplet, in each direction."),
    NS("sip.io.pcie_overhead_ns", sip.io.pcie_overhead_ns, 0, "Time that a message takes in the PCIe end point."),
    NS("sip.io.noc_overhead_ns", sip.io.noc_overhead_ns, 0, "Time that a message takes in the node that joins them."),
    NS("sip.io.cpu_overhead_ns", sip.io.cpu_overhead_ns, 0, "Time that a launch takes in the command processor."),

    GROUP("cube", "A cube: a grid of routers with what is attached to them."),
    COUNT("cube.rows", cube.rows, 1, 1, WEFT__MACHINE_GRID_MAX, "Rows of the grid; row 0 is the northern one."),
    COUNT("cube.columns", cube.columns, 1, 1, WEFT__MACHINE_GRID_MAX,
          "Columns of the grid; column 0 is the western one."),
    PLACES("cube.holes", cube.holes, cube.hole_count, "[]", "Places of the grid that have no router."),
    PLACES("cube.pes", cube.pes, cube.pe_count, "every router, row by row",
           "The router of each PE, in the order of their numbers."),
    MM("cube.pitch_mm", cube.pitch_mm, 1, "Length of the wire between neighbouring routers."),
    NS("cube.router_overhead_ns", cube.router_overhead_ns, 0, "Time that a message takes in a router."),
    GBS("cube.link_gbs", cube.link_gbs, 256, "Bandwidth of the link between neighbouring routers, in each direction."),
    FLOW_CONTROL("cube", cube.flow),
    COUNT("cube.input_speedup", cube.input_speedup, 0, 0, 64,
          "Flits that one input of a router can send in the time of one on a link between routers; 0: any number."),

    GROUP("cube.ucie", "The connections of a cube to its four neighbours and to the IO chiplet."),
    COUNT("cube.ucie.connections", cube.ucie.connections, 1, 0, WEFT__MACHINE_GRID_MAX,
          "Connections on each side, at the middle routers of that edge; 0: the cube stands alone."),
    GBS("cube.ucie.gbs", cube.ucie.gbs, 128, "Bandwidth of one connection, in each direction."),
    NS("cube.ucie.overhead_ns", cube.ucie.overhead_ns, 8,
       "Time that a message takes in each of the two ends of a crossing."),
    MM("cube.ucie.length_mm", cube.ucie.length_mm, 0, "Length of the wire between the two ends."),
    FLOW_CONTROL("cube.ucie", cube.ucie.flow),

    GROUP("cube.hbm", "The HBM of a cube: one controller for each PE, with a slice of the memory."),
    COUNT_OF("cube.hbm.gib", cube.hbm.gib, "GiB", 0, 0, 256,
             "Capacity of the cube, divided equally among its PEs; 0: the cube has no HBM."),
    COUNT("cube.hbm.channels", cube.hbm.channels, 8, 1, 64,
          "Pseudo-channels of one controller, chosen by address bits; a power of two."),
    GBS("cube.hbm.channel_gbs", cube.hbm.channel_gbs, 32, "Bandwidth of one pseudo-channel."),
    GBS("cube.hbm.link_gbs", cube.hbm.link_gbs, 256,
        "Bandwidth of the link between controller and router, in each direction."),
    NS("cube.hbm.overhead_ns", cube.hbm.overhead_ns, 0, "Time that a transaction takes in the controller, once."),
    NS("cube.hbm.turnaround_ns", cube.hbm.turnaround_ns, 0,
       "Time that a pseudo-channel loses when it changes between reading and writing."),
    NS("cube.hbm.open_ns", cube.hbm.open_ns, 0,
       "Time that a busy pseudo-channel loses before the first chunk of another transaction."),
    COUNT("cube.hbm.row_flits", cube.hbm.row_flits, 0, 0, 65536,
          "Flits of a row of a pseudo-channel, which stays open until its last; 0: each transaction opens one of its "
          "own."),

    GROUP("cube.sram", "The SRAM that the PEs of a cube share."),
    COUNT_OF("cube.sram.mib", cube.sram.mib, "MiB", 0, 0, 1024, "Capacity; 0: the cube has no SRAM."),
    PLACE("cube.sram.at", cube.sram.at, "Its router."),
    GBS("cube.sram.link_gbs", cube.sram.link_gbs, 128,
        "Bandwidth of the link between SRAM and router, in each direction."),
    NS("cube.sram.overhead_ns", cube.sram.overhead_ns, 2, "Time that a transaction takes in the SRAM."),

    GROUP("cube.mcpu", "The command processor of a cube."),
    PLACE("cube.mcpu.at", cube.mcpu.at, "Its router."),
    NS("cube.mcpu.overhead_ns", cube.mcpu.overhead_ns, 0, "Time that a launch takes in it."),

    GROUP("pe", "A PE."),
    GBS("pe.link_gbs", pe.link_gbs, 256, "Bandwidth of the link between PE and router, in each direction."),
    MM("pe.link_mm", pe.link_mm, 0, "Length of that link."),
    NS("pe.cpu_overhead_ns", pe.cpu_overhead_ns, 0, "Time that a launch takes in the processor of the PE."),
    NUMBER("pe.clock_ghz", pe.clock_ghz, "GHz", 1, 0.001, 100, "Clock of the engines, whose cycle is whole ps."),
    COUNT_OF("pe.dispatch_cycles", pe.dispatch_cycles, "cycles", 1, 0, 1000000,
             "Cycles of the processor for each command that a kernel gives."),
    COUNT_OF("pe.tcm_kib", pe.tcm_kib, "KiB", 1024, 1, 65536, "Capacity of the memory inside the PE."),
    COUNT_OF("pe.scratch_kib", pe.scratch_kib, "KiB", 0, 0, 65536,
             "How much of it a kernel has for what it loads and computes; 0: all of it."),
    GROUP("pe.dma", "The DMA engine of a PE."),
    COUNT("pe.dma.channels", pe.dma.channels, 1, 1, 256,
          "Channels for reads, and as many for writes; a transaction holds one until it has ended."),
    COUNT("pe.dma.outstanding", pe.dma.outstanding, 1, 1, 256,
          "Reads for tiles of one command that a channel has under way at once."),
    NS("pe.dma.setup_ns", pe.dma.setup_ns, 0, "Time from a request until its first message leaves."),
    GROUP("pe.tcm", "How fast the memory of a PE reaches its registers."),
    GBS("pe.tcm.read_gbs", pe.tcm.read_gbs, 512, "Bandwidth from the memory to the registers."),
    GBS("pe.tcm.write_gbs", pe.tcm.write_gbs, 512, "Bandwidth from the registers to the memory, at the same time."),
    COUNT("pe.tcm.banks", pe.tcm.banks, 0, 0, 1024,
          "Banks that share the bandwidth for operands with gaps, a power of two; 0: none is slower than another."),
    COUNT_OF("pe.tcm.bank_bytes", pe.tcm.bank_bytes, "bytes", 64, 1, 4096,
             "Bytes that a bank gives at once; a power of two."),
    GROUP("pe.mmu", "The look-up of pages before a DMA command."),
    COUNT_OF("pe.mmu.page_kib", pe.mmu.page_kib, "KiB", 2048, 1, 1048576, "Size of a page; a power of two."),
    NS("pe.mmu.tlb_ns", pe.mmu.tlb_ns, 0, "Time for each page that a DMA command touches and the TLB does not have."),
    COUNT("pe.mmu.tlb_entries", pe.mmu.tlb_entries, 0, 0, 1024,
          "Pages that the TLB has of reads, and as many of writes; 0: each is looked up anew."),
    GROUP("pe.gemm", "The array of multiply-accumulators, which works on one tile of outputs at a time."),
    COUNT("pe.gemm.tile_m", pe.gemm.tile_m, 32, 1, 4096, "Rows of a tile of outputs."),
    COUNT("pe.gemm.tile_k", pe.gemm.tile_k, 64, 1, 4096, "Products that a tile adds to each output."),
    COUNT("pe.gemm.tile_n", pe.gemm.tile_n, 32, 1, 4096, "Columns of a tile of outputs."),
    COUNT("pe.gemm.macs_f64", pe.gemm.macs_f64, 512, 1, 1e6, "Multiplications with addition in a cycle, of f64."),
    COUNT("pe.gemm.macs_f32", pe.gemm.macs_f32, 1024, 1, 1e6, "The same of f32 and of integers of more than 8 bits."),
    COUNT("pe.gemm.macs_f16", pe.gemm.macs_f16, 4096, 1, 1e6, "The same of f16."),
    COUNT("pe.gemm.macs_bf16", pe.gemm.macs_bf16, 4096, 1, 1e6, "The same of bf16."),
    COUNT("pe.gemm.macs_i8", pe.gemm.macs_i8, 8192, 1, 1e6, "The same of integers of 8 bits."),
    GROUP("pe.math", "The vector unit."),
    COUNT("pe.math.lanes", pe.math.lanes, 64, 1, 65536, "Elements that it works on side by side."),
    COUNT_OF("pe.math.simple_cycles", pe.math.simple_cycles, "cycles", 1, 0, 10000,
             "Cycles of an addition, multiplication, comparison, selection or conversion."),
    COUNT_OF("pe.math.divide_cycles", pe.math.divide_cycles, "cycles", 4, 0, 10000, "Cycles of a division."),
    COUNT_OF("pe.math.exp_cycles", pe.math.exp_cycles, "cycles", 4, 0, 10000,
             "Cycles of an exponential function or the like."),
    GROUP("pe.scheduler", "What takes composite commands apart into tiles."),
    COUNT("pe.scheduler.tiles", pe.scheduler.tiles, 8, 1, 4096,
          "Tiles of composite commands that are under way at once."),
    GROUP("pe.ipcq", "The queues between PEs: rings of slots at the receiver."),
    COUNT("pe.ipcq.slots", pe.ipcq.slots, 4, 1, 4096, "Slots of a queue: messages that are under way or not received."),
    COUNT_OF("pe.ipcq.slot_bytes", pe.ipcq.slot_bytes, "bytes", 4096, 64, 1048576,
             "Bytes of a slot, and of the largest message; a multiple of 64."),
    CHOICE("pe.ipcq.memory", pe.ipcq.memory, slot_memories, WEFT__SLOTS_TCM, WEFT__SLOTS_HBM,
           "Where the slots are: in the TCM of the receiver, the SRAM of its cube, or its slice of the HBM."),
    GROUP("pe.ipcq.tcm", "What an access to a slot in the TCM takes, to write it and to read it."),
    NS("pe.ipcq.tcm.overhead_ns", pe.ipcq.tcm.overhead_ns, 0, "Time of each access."),
    GBS("pe.ipcq.tcm.gbs", pe.ipcq.tcm.gbs, 512, "Bandwidth of an access."),
    GROUP("pe.ipcq.sram", "The same of the SRAM."),
    NS("pe.ipcq.sram.overhead_ns", pe.ipcq.sram.overhead_ns, 2, "Time of each access."),
    GBS("pe.ipcq.sram.gbs", pe.ipcq.sram.gbs, 512, "Bandwidth of an access."),
    GBS("pe.ipcq.sram.hop_gbs", pe.ipcq.sram.hop_gbs, 128,
        "Bandwidth of the way to the bank, which a message passes whole before or after that."),
    GROUP("pe.ipcq.hbm", "The same of the HBM."),
    NS("pe.ipcq.hbm.overhead_ns", pe.ipcq.hbm.overhead_ns, 6, "Time of each access."),
    GBS("pe.ipcq.hbm.gbs", pe.ipcq.hbm.gbs, 256, "Bandwidth of an access."),
    GBS("pe.ipcq.hbm.hop_gbs", pe.ipcq.hbm.hop_gbs, 256, "Bandwidth of the way to the bank."),

    GROUP("perturb", "How far the times of a perturbed run vary at random; they do in no other."),
    NS("perturb.message_ns", perturb.message_ns, 5,
       "Most that a message of the DMA or of a queue, or a credit, waits before it leaves."),
    COUNT_OF("perturb.engine_percent", perturb.engine_percent, "percent", 10, 0, 1000,
             "Most that a stage of an engine takes longer."),
};

#define KEYS (sizeof keys / sizeof keys[0])
_Static_assert(KEYS <= WEFT__MACHINE_KEYS_MAX, "every list that has a place for each key must be long enough");

const weft__machine_key *weft__machine_key_at(size_t index)
{
    return index < KEYS ? &keys[index] : NULL;
}

size_t weft__machine_key_find(const char *path)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].path, path) == 0)
            return i;
    return SIZE_MAX;
}

static const char *path_at(const void *context, size_t index)
{
    (void)context;
    return keys[index].kind == WEFT__KEY_GROUP ? NULL : keys[index].path;
}

const char *weft__machine_key_word(const weft__machine_key *key, const char *group)
{
    const char *word = key->path;
    size_t bytes = strlen(group);
    if (bytes > 0) {
        if (strncmp(word, group, bytes) != 0 || word[bytes] != '.')
            return NULL;
        word += bytes + 1;
    }
    return strchr(word, '.') ? NULL : word;
}

static const char *word_at(const void *context, size_t index)
{
    return weft__machine_key_word(&keys[index], context);
}

const char *weft__machine_key_nearest(const char *group, const char *name)
{
    return weft__nearest(name, KEYS, group ? word_at : path_at, group);
}

static size_t append(char text[WEFT__KEY_TEXT_BYTES], size_t used, const char *more)
{
    int bytes = snprintf(text + used, WEFT__KEY_TEXT_BYTES - used, "%s", more);
    return used + (bytes > 0 ? (size_t)bytes : 0);
}

const char *weft__machine_key_expected(const weft__machine_key *key, char text[WEFT__KEY_TEXT_BYTES])
{
    static const char *const kinds[] = {
        [WEFT__KEY_GROUP] = "keys of its own",
        [WEFT__KEY_FLAG] = "true or false",
        [WEFT__KEY_PLACE] = "a place like [1, 2], row and column",
        [WEFT__KEY_PLACES] = "a list of places like [[0, 0], [1, 2]], rows and columns",
    };
    size_t size = WEFT__KEY_TEXT_BYTES;
    if (key->kind == WEFT__KEY_TEXT)
        (void)snprintf(text, size, "%.0f to %.0f printable ASCII characters", key->least, key->most);
    else if (key->kind == WEFT__KEY_COUNT || key->kind == WEFT__KEY_NUMBER)
        (void)snprintf(text, size, "a %s%s%s from %.10g to %.10g",
                       key->kind == WEFT__KEY_COUNT ? "whole number" : "number", key->unit ? " of " : "",
                       key->unit ? key->unit : "", key->least, key->most);
    else if (key->kind == WEFT__KEY_CHOICE) {
        size_t used = append(text, 0, "one of");
        for (size_t i = 0; key->choices[i]; i++) {
            used = append(text, used, i ? ", " : " ");
            used = append(text, used, key->choices[i]);
        }
    } else
        (void)snprintf(text, size, "%s", kinds[key->kind]);
    return text;
}

const char *weft__machine_key_standard(const weft__machine_key *key, char text[WEFT__KEY_TEXT_BYTES])
{
    size_t size = WEFT__KEY_TEXT_BYTES;
    const char *word = key->standard_text;
    if (key->kind == WEFT__KEY_GROUP)
        word = "";
    else if (key->kind == WEFT__KEY_FLAG)
        word = key->standard > 0 ? "true" : "false";
    else if (key->kind == WEFT__KEY_CHOICE)
        word = key->choices[(size_t)key->standard];
    if (word)
        (void)snprintf(text, size, "%s", word);
    else if (key->kind == WEFT__KEY_PLACE)
        (void)snprintf(text, size, "[%.0f, %.0f]", key->standard, key->standard);
    else
        (void)snprintf(text, size, "%.10g", key->standard);
    return text;
}

const char *weft__side_name(weft__side side)
{
    return sides[side];
}
