#include "sim/host/host_impl.h"

const char *weft_kernel_hazard_kind_name(weft_kernel_hazard_kind kind)
{
    static const char *const names[] = {
        [WEFT_KERNEL_HAZARD_OVERWRITTEN] = "overwritten",
        [WEFT_KERNEL_HAZARD_UNWRITTEN] = "unwritten",
        [WEFT_KERNEL_HAZARD_RAW] = "RAW",
        [WEFT_KERNEL_HAZARD_WAR] = "WAR",
        [WEFT_KERNEL_HAZARD_WAW] = "WAW",
        [WEFT_KERNEL_HAZARD_UNRECEIVED] = "unreceived",
        [WEFT_KERNEL_HAZARD_FREED] = "freed",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}

const char *weft_pe_time_name(weft_pe_time spent)
{
    static const char *const names[] = {
        [WEFT_PE_TIME_DISPATCH] = "dispatch", [WEFT_PE_TIME_COMPUTE] = "compute", [WEFT_PE_TIME_DMA] = "dma",
        [WEFT_PE_TIME_QUEUE] = "queue",       [WEFT_PE_TIME_BARRIER] = "barrier", [WEFT_PE_TIME_IDLE] = "idle",
    };
    return (size_t)spent < sizeof names / sizeof names[0] ? names[spent] : NULL;
}
