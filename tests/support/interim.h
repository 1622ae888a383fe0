/* What a file that is being written has beside its path until it is whole, see weft/file.h. */
#ifndef WEFT_TESTS_SUPPORT_INTERIM_H
#define WEFT_TESTS_SUPPORT_INTERIM_H

#include "support/weft_check.h"

#include <glob.h>
#include <stdio.h>

/* True if one is there. The path has no letters that mean something in patterns. */
static inline bool weft_test_has_interim(const char *path)
{
    glob_t found;
    char pattern[1024];
    ck_assert_uint_lt(strlen(path) + sizeof ".part*", sizeof pattern);
    (void)snprintf(pattern, sizeof pattern, "%s.part*", path);
    int failed = glob(pattern, GLOB_NOSORT, NULL, &found);
    ck_assert(failed == 0 || failed == GLOB_NOMATCH);
    if (failed == 0)
        globfree(&found);
    return failed == 0;
}

#endif
