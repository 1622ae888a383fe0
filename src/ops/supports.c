#include <weft/device.h>

#include "base/status.h"
#include "ops/ops_impl.h"
#include "runtime/device_impl.h"

weft_status weft_device_supports(const weft_device *device, const char *op_name, weft_error *err)
{
    if (!device)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "weft_device_supports: device must not be NULL.");
    const weft_op *op;
    weft_status status = weft_op_find(op_name, &op, err);
    if (status == WEFT_OK && !device->candidates[op->index])
        status =
            weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' has no kernel for op %s.", device->table->scheme, op->name);
    return status;
}
