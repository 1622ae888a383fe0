/* Check notes every assertion that holds: a message to a file, and in the end all of them are read back, each by moving
 * those behind it. With an assertion for each element of something, that was most of the time of a suite. All that a
 * note is for is the last place before a crash, so each place in the sources is noted once, when it is first passed.
 *
 * The link puts this in the place of Check's function; see weft_test in tests/CMakeLists.txt. Assertions that fail do
 * not come by here. */
#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PLACES 4096u

void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

void __wrap__mark_point(const char *file, int line)
{
    /* Two places that fall together count as one: the note of the second is missing. */
    static atomic_bool is_noted[PLACES];
    atomic_bool *place = &is_noted[((uintptr_t)file + (unsigned)line) % PLACES];
    if (!atomic_load_explicit(place, memory_order_relaxed)) {
        atomic_store_explicit(place, true, memory_order_relaxed);
        __real__mark_point(file, line);
    }
}
