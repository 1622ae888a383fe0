/* Verifiers as encoders see them: what compares is above the runtime, as it needs a device. */
#ifndef WEFT_RUNTIME_VERIFIER_IMPL_H
#define WEFT_RUNTIME_VERIFIER_IMPL_H

#include <weft/verify.h>

#include "runtime/op_impl.h"

struct weft_verifier {
    /* Before the device runs a dispatch, and after; nothing else is under way, and the host has waited for it. */
    weft_status (*begin)(weft_verifier *verifier, const weft_dispatch *dispatch, weft_error *err);
    weft_status (*end)(weft_verifier *verifier, const weft_dispatch *dispatch, weft_error *err);
};

#endif
