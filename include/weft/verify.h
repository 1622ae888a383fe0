/* Verifiers: every dispatch of a stream compared with `ref`, as it goes.
 *
 * An encoder or session that was given a verifier runs its dispatches one by one, in the order of recording, each to
 * its end: at the commit, whatever lies in the arguments of a dispatch is read back from the device, `ref` computes the
 * same op on that copy, and the outputs of both are compared, element by element, by the error bound that ops.h states.
 * At the first dispatch that differs the commit fails with WEFT_INTERNAL, since a kernel of the device is wrong, and
 * names it; what stands behind it is not run. So each dispatch is judged by itself, on what the device has made of
 * those before it, and errors do not add up.
 *
 * What a dispatch's data make it fail with comes from the commit too. Barriers, and the order of what stands between
 * them, mean nothing while dispatches run one by one: those are a hazard report's to judge, see hazard.h.
 *
 * Each dispatch is a command buffer of its own then, which the device's counters count, and everything takes the time
 * of the reading and waiting, on the device's clock as well.
 *
 * Threads: a verifier serves one encoder or session at a time. */
#ifndef WEFT_VERIFY_H
#define WEFT_VERIFY_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Compares dispatches with those of a device `ref` of its own. Opaque. */
typedef struct weft_verifier weft_verifier;

/** Makes a verifier, owned by the caller until weft_verifier_destroy(); NULL on failure. */
WEFT_API WEFT_CHECKED weft_status weft_verifier_create(weft_verifier **out, weft_error *err);
/** Once the encoders and sessions that were given it are destroyed. NULL is fine. */
WEFT_API void weft_verifier_destroy(weft_verifier *verifier);

#define WEFT_VERIFIER_LABEL_BYTES 48

/** One element of an output of a dispatch, on the device and on `ref`. */
typedef struct weft_verifier_element {
    uint32_t dispatch;    /**< index within its command buffer */
    const char *op;       /**< name, static; NULL: there is none */
    const char *argument; /**< name, static */
    char label[WEFT_VERIFIER_LABEL_BYTES];
    uint64_t element; /**< of the argument */
    double actual;    /**< on the device */
    double expected;  /**< on `ref` */
    double bound;     /**< by how much they may differ; 0: not at all */
} weft_verifier_element;

/** What a verifier has seen. */
typedef struct weft_verifier_info {
    uint64_t dispatches;             /**< compared, the one that differs included */
    uint64_t elements;               /**< of their outputs */
    weft_verifier_element closest;   /**< of those within their bounds, the one that takes up most of its bound, if any
                                          differs from `ref` at all */
    weft_verifier_element different; /**< the first that is not; its op is NULL as long as there is none */
} weft_verifier_info;

/** Fills @p out. */
WEFT_API void weft_verifier_get_info(const weft_verifier *verifier, weft_verifier_info *out);

#ifdef __cplusplus
}
#endif
#endif
