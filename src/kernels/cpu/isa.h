/* Instruction sets that the CPU kernels exist for, and which of them this machine can run.
 * All functions are pure and may be called from any thread. */
#ifndef WEFT_KERNELS_CPU_ISA_H
#define WEFT_KERNELS_CPU_ISA_H

#include <stdbool.h>

/* 1 where the AVX variants are compiled in (src/kernels/CMakeLists.txt decides by the same rule). */
#if defined(__x86_64__)
#define WEFT__X86_64 1
#else
#define WEFT__X86_64 0
#endif

typedef enum weft__isa {
    WEFT__ISA_SCALAR = 0, /* whatever the compiler emits without flags: SSE2 on x86-64, NEON on AArch64 */
    WEFT__ISA_AVX2 = 1,   /* AVX2, FMA and F16C together */
    WEFT__ISA_AVX512 = 2, /* AVX-512 F, BW, DQ and VL together, and all of WEFT__ISA_AVX2 */
    WEFT__ISA_COUNT = 3
} weft__isa;

/* The widest instruction set that this machine can run. */
weft__isa weft__isa_best(void);

/* True when this build contains the kernels of `isa` and this machine can run them; false for a value that is none. */
bool weft__isa_available(weft__isa isa);

/* "scalar", "avx2", "avx512"; "unknown" for a value that is none. Static storage. */
const char *weft__isa_name(weft__isa isa);

/* Finds the instruction set of that name (exactly as weft__isa_name writes it), available or not. On false *out_isa is
 * WEFT__ISA_SCALAR. */
bool weft__isa_from_name(const char *name, weft__isa *out_isa);

#endif
