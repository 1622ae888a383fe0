/* Allocation failures on demand, for suites built with FAILING_MALLOC (see weft_test in tests/CMakeLists.txt).
 *
 * The link replaces malloc, calloc, realloc, aligned_alloc and strdup as Weft's and the suite's object files call them
 * by wrappers that count and, when asked to, return NULL with errno ENOMEM. Calls inside of shared libraries are not
 * seen. free is the real one, and so is the allocator behind the wrappers, which makes all this work under the
 * sanitizers.
 *
 * Check is usually a static library, and every ck_assert of it allocates: between arming and disarming, and between two
 * readings of the counter that are compared, note results and assert afterwards.
 *
 * The loop over every allocation of a piece of code:
 *
 *     for (uint64_t n = 0; failed; n++) {
 *         weft_test_fail_allocation_after(n);
 *         status = code under test;
 *         failed = weft_test_stop_failing();      // true as long as n was within the code's allocations
 *         ck_assert(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK));
 *     }
 *
 * Any thread may allocate; arm and disarm from one thread at a time. */
#ifndef WEFT_TESTS_SUPPORT_FAILING_MALLOC_H
#define WEFT_TESTS_SUPPORT_FAILING_MALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* Lets `count` more allocations succeed and fails the one after them, and only that one. */
void weft_test_fail_allocation_after(uint64_t count);

/* The same, and every further allocation fails too until weft_test_stop_failing. */
void weft_test_fail_all_allocations_after(uint64_t count);

/* Disarms. True if an allocation was made to fail since the arming. */
bool weft_test_stop_failing(void);

/* Allocations attempted since the program started, those that failed among them. */
uint64_t weft_test_allocations(void);

#endif
