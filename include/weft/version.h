/* The version of the API. */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

/** Version of the library that is running, "0.1.0" say. Static storage. Any thread. */
WEFT_API const char *weft_version(void);

#ifdef __cplusplus
}
#endif
#endif
