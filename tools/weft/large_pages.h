/* Memory in large pages for what is simulated: it lies in many small pieces all over the heap, and with small pages
 * much of the time goes into finding where they are. */
#ifndef WEFT_CLI_LARGE_PAGES_H
#define WEFT_CLI_LARGE_PAGES_H

/* Sets a part of the heap aside and asks the system for large pages there; once, before much is allocated. Memory is
 * taken only as it is used, but what is freed is kept. Does nothing where memory is limited by ulimit -v or -d, where
 * addresses are counted as if they were memory (vm.overcommit_memory is 2), or where the heap is not that of glibc, and
 * nothing comes of it where the system does not give large pages. What GLIBC_TUNABLES, or MALLOC_TRIM_THRESHOLD_,
 * MALLOC_TOP_PAD_ and MALLOC_MMAP_THRESHOLD_, say of trimming, padding and mapping is overridden. */
void cli_ask_for_large_pages(void);

#endif
