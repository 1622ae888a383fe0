/* Any bytes as a safetensors file: what is accepted has every tensor inside of the bytes, one after another. */
#include "formats/safetensors.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_safetensors *file = NULL;
    weft_error error = {0};
    weft_status status = weft__safetensors_parse(data, size, "fuzz", &file, &error);
    if (status != WEFT_OK) {
        FUZZ_ASSERT(!file);
        fuzz_assert_failure(status, &error);
        return 0;
    }
    const uint8_t *end = data + size;
    for (size_t i = weft_safetensors_count(file); i-- > 0;) {
        weft_safetensors_tensor tensor;
        weft_safetensors_tensor found;
        FUZZ_ASSERT(weft_safetensors_at(file, i, &tensor, &error) == WEFT_OK);
        end -= tensor.bytes;
        FUZZ_ASSERT(tensor.data == end && end >= data + 8);
        status = weft_safetensors_find(file, tensor.name, &found, &error);
        FUZZ_ASSERT(status == (tensor.is_supported ? WEFT_OK : WEFT_UNSUPPORTED));
        if (tensor.is_supported)
            FUZZ_ASSERT(found.data == tensor.data &&
                        weft_shape_elements(&found.shape) * weft_dtype_bytes(found.dtype) == found.bytes);
        else
            fuzz_assert_failure(status, &error);
    }
    weft_safetensors_tensor missing;
    status = weft_safetensors_find(file, "\x01 no such tensor", &missing, &error);
    if (status != WEFT_OK)
        fuzz_assert_failure(status, &error);
    (void)weft_safetensors_metadata(file, "format");
    weft_safetensors_close(file);
    return 0;
}
