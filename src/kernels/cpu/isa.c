#include "kernels/cpu/isa.h"

#include <stddef.h>
#include <string.h>

#if WEFT__X86_64
#include <cpuid.h>
#endif

static bool has_scalar(void)
{
    return true;
}

#if WEFT__X86_64

/* Not every compiler's __builtin_cpu_supports knows "f16c". */
static bool has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}

/* __builtin_cpu_supports also asks whether the operating system saves the wider registers. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

#else

static bool has_avx2(void)
{
    return false;
}

static bool has_avx512(void)
{
    return false;
}

#endif

typedef struct isa_row {
    const char *name;
    bool (*is_available)(void);
} isa_row;

static const isa_row isa_rows[WEFT__ISA_COUNT] = {
    [WEFT__ISA_SCALAR] = {"scalar", has_scalar},
    [WEFT__ISA_AVX2] = {"avx2", has_avx2},
    [WEFT__ISA_AVX512] = {"avx512", has_avx512},
};

static const isa_row *row_of(weft__isa isa)
{
    size_t index = (size_t)isa;
    return index < WEFT__ISA_COUNT ? &isa_rows[index] : NULL;
}

weft__isa weft__isa_best(void)
{
    for (size_t index = WEFT__ISA_COUNT - 1; index > 0; --index)
        if (isa_rows[index].is_available())
            return (weft__isa)index;
    return WEFT__ISA_SCALAR;
}

bool weft__isa_available(weft__isa isa)
{
    const isa_row *row = row_of(isa);
    return row && row->is_available();
}

const char *weft__isa_name(weft__isa isa)
{
    const isa_row *row = row_of(isa);
    return row ? row->name : "unknown";
}

bool weft__isa_from_name(const char *name, weft__isa *out_isa)
{
    *out_isa = WEFT__ISA_SCALAR;
    for (size_t index = 0; index < WEFT__ISA_COUNT; ++index) {
        if (strcmp(name, isa_rows[index].name) == 0) {
            *out_isa = (weft__isa)index;
            return true;
        }
    }
    return false;
}
