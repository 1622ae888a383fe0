/* Probes: what transfers cost on a simulated machine, where their time goes, and what they cost each other.
 *
 * Flows are reads and writes that begin at given times in one simulation, so that they meet where their ways do. A case
 * is a named set of flows that every machine of some size has. Traffic is a synthetic load between all PEs.
 *
 * Assumptions of the model, and where they come from, are told in docs/machine.md and docs/fabric.md. Times are whole
 * picoseconds of simulated time; the same input gives the same picoseconds and the same trace hash, with every compiler
 * and on every run.
 *
 * Threads: a machine may be probed by several threads at once; each call has a simulation of its own. */
#ifndef WEFT_PROBE_H
#define WEFT_PROBE_H

#include <weft/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One transfer. */
typedef struct weft_flow {
    const char *source;    /**< who makes it: "host", or a PE, "sip0.cube3.pe7" */
    const char *target;    /**< a memory: "sip1.cube0.pe0.hbm", "sip0.cube3.sram", or a PE, which stands for its TCM */
    uint64_t bytes;        /**< not 0; flits are sent whole */
    uint64_t offset_bytes; /**< in the target's memory: decides about HBM pseudo-channels */
    bool is_write;         /**< else it reads */
    uint64_t start_ps;
} weft_flow;

/** Where the time of a flow goes. */
typedef enum weft_flow_part {
    WEFT_FLOW_SETUP = 0,     /**< of the DMA engine */
    WEFT_FLOW_ROUTERS = 1,   /**< overheads of routers, switch and IO chiplet */
    WEFT_FLOW_UCIE = 2,      /**< overheads of the two ends of each crossing between chiplets */
    WEFT_FLOW_WIRE = 3,      /**< time of flight */
    WEFT_FLOW_STREAMING = 4, /**< flits one behind another, at the slowest place that they pass */
    WEFT_FLOW_MEMORY = 5,    /**< overhead of the memory's controller, and a chunk in its pseudo-channel */
    WEFT_FLOW_QUEUEING = 6   /**< waiting for others: DMA channels, links, pseudo-channels */
} weft_flow_part;
#define WEFT_FLOW_PARTS 7

/** "setup", "routers", "ucie", "wire", "streaming", "memory", "queueing". Static storage. */
WEFT_API const char *weft_flow_part_name(weft_flow_part part);

/** When the head of a flow came to a node on its way, there and back. */
typedef struct weft_flow_hop {
    char node[48];
    uint64_t time_ps; /**< since the start of the flow */
} weft_flow_hop;

/** What became of a flow. */
typedef struct weft_flow_result {
    char source[48], target[48]; /**< as the machine calls them: "sip0.cube3.pe7.dma" */
    uint64_t bytes;
    bool is_write;
    uint64_t start_ps, end_ps;
    /** End minus start. A host's write ends when it is committed, everything else at its source. */
    uint64_t latency_ps;
    uint64_t parts_ps[WEFT_FLOW_PARTS]; /**< their sum is the latency, exactly */
    double bandwidth_gbs;               /**< bytes over latency */
    double bottleneck_gbs;              /**< of the slowest link or memory that its payload passes */
    double utilisation;                 /**< of that: bandwidth over it */
    const weft_flow_hop *hops;          /**< @c hop_count of them, the source first; they live as long as the result */
    size_t hop_count;
} weft_flow_result;

/** How the simulator moves flits; both give the same picoseconds. */
typedef enum weft_flits {
    WEFT_FLITS_TRAINS = 0, /**< flits that follow each other evenly as one; where the machine allows it */
    WEFT_FLITS_EACH = 1    /**< an event for each flit on each link */
} weft_flits;

/** Tells how far a call has come: @p done of @p total. */
typedef void weft_probe_progress(void *user, uint64_t done, uint64_t total);

/** Zeros are the defaults. */
typedef struct weft_probe_options {
    weft_flits flits;
    const char *trace_path;        /**< write a Perfetto trace there; NULL: none */
    weft_probe_progress *progress; /**< called as flows, or runs of a case, end; or NULL */
    void *progress_user;
} weft_probe_options;

/** What became of all flows of a probe. */
typedef struct weft_probe_result {
    const weft_flow_result *flows; /**< in the order in which they were given */
    size_t flow_count;
    uint64_t makespan_ps; /**< from the first start to the last end */
    uint64_t bytes;       /**< of all flows */
    double bandwidth_gbs; /**< bytes over makespan */
    uint64_t events;      /**< of the simulation */
    uint64_t trace_hash;
} weft_probe_result;

/** Runs flows in one simulation.
 *  @param out  the result, owned by the caller until weft_probe_result_destroy(); NULL on failure
 *  WEFT_NOT_FOUND for a name that the machine does not have; WEFT_INVALID_ARGUMENT for a source that cannot make
 *  transfers, a target that is no memory, both the same, or no bytes; WEFT_OUT_OF_RANGE past the end of a memory. */
WEFT_API WEFT_CHECKED weft_status weft_probe_run(const weft_machine *machine, const weft_flow *flows, size_t count,
                                                 const weft_probe_options *options, weft_probe_result **out,
                                                 weft_error *err);
/** NULL is fine. */
WEFT_API void weft_probe_result_destroy(weft_probe_result *result);

/** A named probe. */
typedef struct weft_probe_case {
    const char *name; /**< "dma_local" */
    const char *what; /**< one sentence */
} weft_probe_case;

/** The case at @p index; false past the last. Any thread. */
WEFT_API bool weft_probe_case_at(size_t index, weft_probe_case *out);

/** One of the simulations of a case: most have one, sweeps and comparisons have several. */
typedef struct weft_probe_run_result {
    char label[64]; /**< "4096 bytes", "read" */
    const weft_probe_result *result;
} weft_probe_run_result;

/** What a case gave. */
typedef struct weft_probe_case_result {
    const weft_probe_run_result *runs;
    size_t run_count;
    const char *quantity; /**< what the case is there to tell, of its first run: "latency", "aggregate", "relation" */
    const char *unit;     /**< of that: "ns", "TB/s"; for a relation what it says, "d2h>=h2d". Both in static storage */
    double value;         /**< of a relation: 1 if it holds, else 0 */
    bool has_claim;       /**< the case says something that must hold, such as "a read takes no less than a write" */
    bool holds;
    char claim[256]; /**< the sentence, with the numbers; empty without a claim */
} weft_probe_case_result;

/** Runs a case.
 *  @param name  one of weft_probe_case_at(); else WEFT_NOT_FOUND, which names the nearest
 *  @param out   owned by the caller until weft_probe_case_result_destroy()
 *  WEFT_UNSUPPORTED if the machine is too small for the case or lacks what it probes, with the reason. */
WEFT_API WEFT_CHECKED weft_status weft_probe_run_case(const weft_machine *machine, const char *name,
                                                      const weft_probe_options *options, weft_probe_case_result **out,
                                                      weft_error *err);
/** NULL is fine. */
WEFT_API void weft_probe_case_result_destroy(weft_probe_case_result *result);

/** A launch of a kernel that does nothing, on all PEs of the machine. */
typedef struct weft_launch_result {
    uint64_t target_ps;                     /**< the common start that the host asked for */
    uint64_t first_start_ps, last_start_ps; /**< of the PEs: equal to the target unless somebody was late */
    uint64_t late;                          /**< PEs that the launch reached after the target */
    uint64_t end_ps;                        /**< when the host knows that all PEs are done */
    uint64_t pes;
    uint64_t events; /**< of the simulation */
    uint64_t trace_hash;
} weft_launch_result;

/** Launches it at time 0. WEFT_UNSUPPORTED if the machine's cubes have no command processor or no way to the host. */
WEFT_API WEFT_CHECKED weft_status weft_probe_launch(const weft_machine *machine, const weft_probe_options *options,
                                                    weft_launch_result *out, weft_error *err);

/** Synthetic traffic between all PEs. A cycle is the time of one flit on a link between routers. Zeros are the
 * defaults, except for the rate and the length of packets. */
typedef struct weft_traffic_options {
    const char
        *pattern; /**< "uniform" (the default), "transpose", "bit-complement", "tornado", "neighbour", "hotspot" */
    double rate;  /**< flits for each PE and cycle, above 0 and at most 1 */
    uint64_t packet_flits; /**< from 1 */
    uint64_t cycles;       /**< that are measured; default 20,000 */
    uint64_t warmup;       /**< cycles before that; default a tenth of them */
    uint64_t seed;
    uint32_t outstanding; /**< packets of a PE that may be without an answer; 0: any number, an open loop */
    weft_flits flits;
    const char *trace_path;        /**< write a Perfetto trace there; NULL: none */
    weft_probe_progress *progress; /**< called as cycles pass; or NULL */
    void *progress_user;
} weft_traffic_options;

/** What traffic gave. Latencies are in cycles, from the making of a packet to the arrival of its last flit. */
typedef struct weft_traffic_result {
    uint64_t packets; /**< that were measured */
    bool is_stable;   /**< all that were made in the measured cycles arrived before as many cycles again had passed, and
                           no less arrived in them than was made in them, but for a twentieth */
    uint64_t cycle_ps;
    double latency_mean, latency_median, latency_p99, latency_max;
    double hops_mean;                     /**< links of a packet's way but for the first and the last */
    double accepted_rate;                 /**< flits that arrived in the measured cycles, for each PE and cycle */
    double accepted_least, accepted_most; /**< of one PE */
    uint64_t flits_sent, flits_arrived;   /**< in the whole run, answers of a closed loop included */
    double load_mean, load_max;           /**< of the links between routers, as shares of the time */
    double bisection_load;                /**< the same for the links that cross the middle of a cube's grid */
    char busiest_link[112];               /**< "sip0.cube0.r3c3 to sip0.cube0.r3c4" */
    uint64_t cycles_run;
    uint64_t events;
    uint64_t trace_hash;
} weft_traffic_result;

/** Tells what is wrong with options whatever the machine is, and runs nothing: rate and
 * lengths, and the pattern. Errors are those of weft_traffic_run(). Any thread. */
WEFT_API WEFT_CHECKED weft_status weft_traffic_check_options(const weft_traffic_options *options, weft_error *err);

/** Runs traffic. WEFT_INVALID_ARGUMENT for a rate or length out of range, WEFT_NOT_FOUND for another pattern,
 * WEFT_UNSUPPORTED for one that the number of PEs does not suit, WEFT_DEADLOCK when packets wait for one another for
 * ever in finite buffers. Latencies and hops are NaN if no packet was measured. */
WEFT_API WEFT_CHECKED weft_status weft_traffic_run(const weft_machine *machine, const weft_traffic_options *options,
                                                   weft_traffic_result *out, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
