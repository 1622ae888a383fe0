#include "sim/host/host_impl.h"

const char *weft_race_name(weft_race race)
{
    static const char *const names[] = {
        [WEFT_RACE_OVERWRITTEN] = "overwritten",
        [WEFT_RACE_UNWRITTEN] = "unwritten",
        [WEFT_RACE_RAW] = "RAW",
        [WEFT_RACE_WAR] = "WAR",
        [WEFT_RACE_WAW] = "WAW",
        [WEFT_RACE_UNRECEIVED] = "unreceived",
    };
    return (size_t)race < sizeof names / sizeof names[0] ? names[race] : NULL;
}

const char *weft_spent_name(weft_spent spent)
{
    static const char *const names[] = {
        [WEFT_SPENT_DISPATCH] = "dispatch", [WEFT_SPENT_COMPUTE] = "compute", [WEFT_SPENT_DMA] = "dma",
        [WEFT_SPENT_QUEUE] = "queue",       [WEFT_SPENT_BARRIER] = "barrier", [WEFT_SPENT_IDLE] = "idle",
    };
    return (size_t)spent < sizeof names / sizeof names[0] ? names[spent] : NULL;
}
