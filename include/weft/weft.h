/* Weft's API but for tile kernels. Start with device.h, buffer.h, ops.h, then encoder.h for one command buffer,
 * session.h for a chain. Who writes kernels for simulated machines includes sim.h, which brings tile.h, and
 * collective.h; who runs those that come with Weft, sim_bench.h; and who looks into the machine of a device,
 * sim_device.h. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <weft/buffer.h>
#include <weft/budget.h>
#include <weft/device.h>
#include <weft/encoder.h>
#include <weft/file.h>
#include <weft/graph.h>
#include <weft/hazard.h>
#include <weft/machine.h>
#include <weft/model.h>
#include <weft/op.h>
#include <weft/ops.h>
#include <weft/probe.h>
#include <weft/report.h>
#include <weft/retime.h>
#include <weft/safetensors.h>
#include <weft/session.h>
#include <weft/status.h>
#include <weft/store.h>
#include <weft/timeline.h>
#include <weft/tokenizer.h>
#include <weft/trace.h>
#include <weft/types.h>
#include <weft/verify.h>
#include <weft/version.h>

#endif
