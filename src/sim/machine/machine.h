/* Inside of a machine: what code of the simulator sees behind weft_machine. */
#ifndef WEFT_SIM_MACHINE_MACHINE_H
#define WEFT_SIM_MACHINE_MACHINE_H

#include <weft/machine.h>

#include "sim/machine/graph.h"
#include "sim/machine/spec.h"

struct weft_machine {
    weft__machine_spec *spec;
    weft__graph *graph;
};

#endif
