#include "large_pages.h"

#include <stdlib.h> /* which says whether this is glibc */

#ifdef __GLIBC__

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SET_ASIDE_BYTES (1 << 30)  /* of addresses, no memory yet */
#define OF_ITS_OWN_BYTES (1 << 25) /* a block of so much is mapped alone: the most that glibc comes to by itself */
#define PADDING_BYTES (1 << 17)    /* by which the heap grows: what glibc begins with */

/* Then addresses that are set aside would be missing for something else. */
static bool is_limited(__rlimit_resource_t resource)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

/* Whether the system counts addresses as if they were memory. */
static bool is_counted(void)
{
    char mode = '0';
    int file = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    bool is = file >= 0 && read(file, &mode, 1) == 1 && mode == '2';
    if (file >= 0)
        (void)close(file);
    return is;
}

/* Makes the heap grow by a block that does not fit into it and what is to be set aside behind it. */
static void grow_heap(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, OF_ITS_OWN_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    (void)mallopt(M_TOP_PAD, SET_ASIDE_BYTES);
    void *volatile block = malloc(OF_ITS_OWN_BYTES / 2); /* volatile, for it is not to be optimised away */
    free(block);
    (void)mallopt(M_TOP_PAD, PADDING_BYTES);
}

void cli_ask_for_large_pages(void)
{
    if (is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA) || is_counted())
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t before = (uintptr_t)sbrk(0);
    grow_heap();
    uintptr_t behind = (uintptr_t)sbrk(0), begin = (before + page - 1) & ~(page - 1);
    if (behind > before && behind - before >= SET_ASIDE_BYTES) /* else another allocator is there */
        (void)madvise((void *)begin, behind - begin, MADV_HUGEPAGE);
}

#else

void cli_ask_for_large_pages(void)
{
}

#endif
