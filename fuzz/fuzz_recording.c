/* Any bytes as a saved run: what is accepted can be re-timed, unless that would take too long. The sum at the end is
 * put right, so that what is behind it is met. */
#include "target.h"
#include "../tests/support/recording_work.h"

static weft_machine *machine_of(void)
{
    static weft_machine *machine;
    weft_error error = {0};
    if (!machine)
        FUZZ_ASSERT(weft_machine_open(WEFT_SOURCE_DIR "/machines/tiny.yaml", NULL, 0, &machine, &error) == WEFT_OK);
    return machine;
}

static void play(const weft_recording *recording)
{
    weft_error error = {0};
    weft_retime_result *result;
    if (recording_work(recording, machine_of()) > 1e5)
        return;
    weft_status status = weft_retime(recording, machine_of(), &result, &error);
    if (status == WEFT_OK)
        weft_retime_result_destroy(result);
    else
        fuzz_assert_failure(status, &error);
}

static uint64_t sum_of(const uint8_t *data, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325U;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ data[i]) * 0x100000001b3U;
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_error error = {0};
    weft_recording *recording;
    weft_recording_info info;
    uint8_t *whole = malloc(size + 8);
    FUZZ_ASSERT(whole);
    if (size)
        memcpy(whole, data, size);
    uint64_t sum = sum_of(data, size);
    for (size_t i = 0; i < 8; i++)
        whole[size + i] = (uint8_t)(sum >> 8 * i);
    weft_status status = weft__recording_parse("The input", whole, size + 8, &recording, &error);
    free(whole);
    if (status != WEFT_OK) {
        FUZZ_ASSERT(!recording);
        fuzz_assert_failure(status, &error);
        return 0;
    }
    weft_recording_get_info(recording, &info);
    FUZZ_ASSERT(info.bytes <= sizeof(uint64_t) * size); /* offsets have a byte each at least in the file */
    play(recording);
    weft_recording_destroy(recording);
    return 0;
}
