/* What the suites of barriers share: how a token is decoded, how many barriers that takes, and devices with the model.
 */
#ifndef WEFT_TESTS_MODELS_BARRIERS_H
#define WEFT_TESTS_MODELS_BARRIERS_H

#include "models/sums.h"
#include "support/sanitizers.h"
#include "support/weft_check.h"

#define PROMPT 8
#define BARRIERS_OF_A_PASS 55   /* 13 for each of four layers, then final norm, output, draw */
#define BARRIERS_OF_A_REPLAY 39 /* 9 for each layer, then first norm, output, draw */

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"

static const int32_t prompt_ids[PROMPT] = {21, 22, 26, 13, 20, 25, 23, 31};

/* How a token is decoded: recorded like any pass, or replayed. A prompt is recorded always. */
typedef struct way {
    const char *name;
    bool no_graph;
    uint32_t step_barriers;
} way;

static const way ways[] = {{"recorded", true, BARRIERS_OF_A_PASS}, {"replayed", false, BARRIERS_OF_A_REPLAY}};
enum {
    WAYS = sizeof ways / sizeof ways[0]
};

/* Barriers are left out from here on: those of the prompt are the same ones in each way. */
static inline uint64_t first_of(const way *by)
{
    return by->no_graph ? 1 : BARRIERS_OF_A_PASS + 1;
}

/* With the address sanitizer, for which the four layers are alike, each barrier of a layer is left out in one of them:
 * 4 has no divisor in common with 13 or 9. The other builds leave out all. */
#define LEFT_OUT_STEP (WEFT_TEST_ADDRESS_SANITIZER ? 4u : 1u)

/* A device with the model on it. */
typedef struct place {
    weft_device *device;
    weft_model *model;
} place;

static inline place open_place(const char *uri)
{
    weft_device *device = sums_open_device(uri);
    ck_assert_ptr_nonnull(device);
    return (place){device, sums_open_model(device, SUMS_DIRECTORY)};
}

static inline void close_place(place *at)
{
    weft_model_close(at->model);
    weft_device_close(at->device);
}

static inline weft_hazard_report *open_report(void)
{
    weft_hazard_report *report = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_hazard_report_create(&report, &error), error);
    return report;
}

static inline void assert_count(const weft_hazard_report *report, weft_verdict verdict, size_t expected,
                                uint64_t omitted)
{
    size_t count = weft_hazard_report_count_of(report, verdict);
    char text[WEFT_HAZARD_TEXT_BYTES] = "";
    if (weft_hazard_report_count(report))
        (void)weft_hazard_text(weft_hazard_report_at(report, 0), text);
    ck_assert_msg(count == expected, "barrier %u left out: %zu verdicts '%s' instead of %zu; the first is: %s",
                  (unsigned)omitted, count, weft_verdict_name(verdict), expected, text);
}

#endif
