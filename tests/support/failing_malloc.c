#include "support/failing_malloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

/* The linker gives these names to the functions that it wraps, so they look reserved and need declarations here. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);

static atomic_uint_fast64_t attempts;
/* Allocations with a number in [first_bad, end_bad) fail; numbers are values of `attempts`. */
static atomic_uint_fast64_t first_bad = UINT64_MAX;
static atomic_uint_fast64_t end_bad = UINT64_MAX;
static atomic_uint_fast64_t failures;

void weft_test_fail_allocation_after(uint64_t count)
{
    uint64_t now = atomic_load(&attempts);
    atomic_store(&failures, 0);
    atomic_store(&end_bad, now + count + 1);
    atomic_store(&first_bad, now + count);
}

void weft_test_fail_all_allocations_after(uint64_t count)
{
    uint64_t now = atomic_load(&attempts);
    atomic_store(&failures, 0);
    atomic_store(&end_bad, UINT64_MAX);
    atomic_store(&first_bad, now + count);
}

bool weft_test_stop_failing(void)
{
    atomic_store(&first_bad, UINT64_MAX);
    return atomic_load(&failures) != 0;
}

uint64_t weft_test_allocations(void)
{
    return atomic_load(&attempts);
}

static bool must_fail(void)
{
    uint64_t number = atomic_fetch_add(&attempts, 1);
    if (number < atomic_load(&first_bad) || number >= atomic_load(&end_bad))
        return false;
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return must_fail() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return must_fail() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return must_fail() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return must_fail() ? NULL : __real_aligned_alloc(alignment, bytes);
}

char *__wrap_strdup(const char *text)
{
    return must_fail() ? NULL : __real_strdup(text);
}
