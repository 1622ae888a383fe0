/* Labels: short names for people, copied and cut. */
#ifndef WEFT_RUNTIME_LABEL_H
#define WEFT_RUNTIME_LABEL_H

#include <string.h>

#define WEFT__LABEL_BYTES 48

/* Copies `label`, cut to fit; NULL gives the empty string. */
static inline void weft__label_copy(char to[WEFT__LABEL_BYTES], const char *label)
{
    size_t length = label ? strnlen(label, WEFT__LABEL_BYTES - 1) : 0;
    if (length)
        memcpy(to, label, length);
    to[length] = '\0';
}

#endif
