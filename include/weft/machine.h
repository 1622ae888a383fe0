/* Machines: accelerators that are described by a YAML file and simulated.
 *
 * A machine is opened from a file, with settings that replace single values of it, and never changes afterwards. What a
 * file may say is listed by weft_machine_key_at() and told in docs/machine.md.
 *
 * Times are whole picoseconds. Bandwidths are GB/s of 10^9 bytes.
 *
 * Threads: any number may use one machine. */
#ifndef WEFT_MACHINE_H
#define WEFT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A machine. Opaque; made by weft_machine_open(). */
typedef struct weft_machine weft_machine;

/** A value for a key, as a file would write it: {"cube.link_gbs", "128"}. Where a key is set twice, the last counts. */
typedef struct weft_machine_setting {
    const char *key;
    const char *value;
} weft_machine_setting;

/** Opens a machine file.
 *  @param settings  @p count of them, or NULL with 0
 *  @param out  the machine, owned by the caller until weft_machine_close(); NULL on failure
 *  WEFT_IO if the file cannot be read; WEFT_PARSE, with line and column, for what is wrong in it; WEFT_INVALID_ARGUMENT
 *  for a setting that breaks a rule, WEFT_NOT_FOUND for one whose key does not exist. */
WEFT_API WEFT_CHECKED weft_status weft_machine_open(const char *path, const weft_machine_setting *settings,
                                                    size_t count, weft_machine **out, weft_error *err);

/** NULL is fine. Nothing may use the machine any more. */
WEFT_API void weft_machine_close(weft_machine *machine);

/** What a machine is made of. */
typedef struct weft_machine_info {
    const char *name; /**< lives as long as the machine */
    uint32_t sips;
    uint32_t cube_rows, cube_columns;     /**< of a SIP */
    uint32_t router_rows, router_columns; /**< of a cube, holes included */
    uint32_t routers;                     /**< of a cube */
    uint32_t pes;                         /**< of a cube */
    uint32_t ucie_connections;            /**< of one side of a cube */
    uint32_t nodes, links;                /**< of the whole machine; a connection of two parts is two links */
    uint64_t hbm_bytes;                   /**< of a cube; 0: it has none */
    double hbm_gbs;                       /**< of the slice of one PE: all its pseudo-channels together */
    double link_gbs;                      /**< between two routers, in each direction */
    double ucie_gbs;                      /**< of one connection, in each direction */
    double pe_gflops;                     /**< of the GEMM of a PE with f32, two for each product */
    uint64_t tcm_bytes;                   /**< of a PE */
    uint64_t flit_bytes;
} weft_machine_info;

/** Fills @p out. */
WEFT_API void weft_machine_get_info(const weft_machine *machine, weft_machine_info *out);

#define WEFT_MACHINE_REGION_BYTES 48

/** What a picture of the whole machine has its parts in, and where. All places are on one plane, also those of several
 *  SIPs: y points down, routers of a cube are 1 apart. */
typedef struct weft_machine_region {
    char name[WEFT_MACHINE_REGION_BYTES]; /**< "sip0", "sip0.cube3", "sip0.io" */
    const char *kind;                     /**< "sip", "cube" or "io"; static storage */
    double x, y, width, height;
} weft_machine_region;

/** The region at @p index: all SIPs, then what is in them. False past the last. */
WEFT_API bool weft_machine_region_at(const weft_machine *machine, size_t index, weft_machine_region *out);

#define WEFT_MACHINE_KEY_BYTES 512

/** A key of machine files. */
typedef struct weft_machine_key {
    const char *path;                      /**< "cube.link_gbs" */
    const char *help;                      /**< one sentence */
    const char *unit;                      /**< "GB/s"; NULL for none */
    bool is_group;                         /**< it holds the keys whose paths begin with its own, and has no value */
    char expected[WEFT_MACHINE_KEY_BYTES]; /**< "a number of GB/s from 0.001 to 1000000" */
    char standard[WEFT_MACHINE_KEY_BYTES]; /**< the value of a key that is not given */
} weft_machine_key;

/** The key at @p index, groups before their keys. False past the last. Any thread. */
WEFT_API bool weft_machine_key_at(size_t index, weft_machine_key *out);

/** The value of a key that is a number: the file's, a setting's, or the standard one. Any thread.
 *  WEFT_NOT_FOUND names the nearest key if there is none of that path; WEFT_INVALID_ARGUMENT if it is no number. */
WEFT_API WEFT_CHECKED weft_status weft_machine_get_number(const weft_machine *machine, const char *path, double *out,
                                                          weft_error *err);

/** Draws a machine as one SVG file that needs nothing else.
 *  @param view   "all", "system", "sip", "cube" or "pe"; NULL is "all"
 *  @param theme  "auto" (as the reader's browser prefers), "light" or "dark"; NULL is "auto"
 *  @param out_svg  text that ends with a NUL, to be freed with weft_machine_free_text(); NULL on failure
 *  WEFT_NOT_FOUND for another view or theme. */
WEFT_API WEFT_CHECKED weft_status weft_machine_draw(const weft_machine *machine, const char *view, const char *theme,
                                                    char **out_svg, size_t *out_bytes, weft_error *err);
/** NULL is fine. */
WEFT_API void weft_machine_free_text(char *text);

#ifdef __cplusplus
}
#endif
#endif
