/* What the two halves of the safetensors reader share: the object and its lookups (safetensors.c), and the checks of
 * the header (safetensors_header.c). */
#ifndef WEFT_FORMATS_SAFETENSORS_H
#define WEFT_FORMATS_SAFETENSORS_H

#include <jansson.h>

#include <weft/safetensors.h>

struct weft_safetensors {
    char *name;   /* of the file, for messages */
    void *mapped; /* or NULL if the bytes are the caller's */
    size_t mapped_bytes;
    json_t *header;                          /* holds the names of the tensors and the metadata */
    weft_safetensors_tensor *tensors;        /* in the order of their data */
    const weft_safetensors_tensor **by_name; /* sorted with strcmp */
    size_t count;
};

/* Opens `size` bytes in memory, which stay the caller's and must outlive the object. `name` is what messages call them.
 * Otherwise as weft_safetensors_open(). */
weft_status weft__safetensors_parse(const void *bytes, size_t size, const char *name, weft_safetensors **out,
                                    weft_error *err);

/* Fills header, tensors, by_name and count of `file`, whose name is set, from the bytes of a file. On failure the
 * caller closes `file` all the same. */
weft_status weft__safetensors_read_header(weft_safetensors *file, const void *bytes, size_t size, weft_error *err);

#endif
