/* Tensors in a safetensors file.
 *
 * The file is mapped, not read: opening costs the header alone, and the bytes of a tensor come from the page cache when
 * they are touched. Everything that the header says is checked once, when the file is opened: every tensor has a known
 * dtype, the size that its shape demands, and a place of its own, and together the tensors fill the file exactly. So
 * what a lookup gives can be read without another check.
 *
 * Two things remain with the caller. The data of a tensor may lie at any address: read elements with memcpy, or check
 * the alignment. And a file that another process makes shorter while it is mapped ends this process with SIGBUS when
 * the lost part is read: replace model files by renaming, never by writing into them. */
#ifndef WEFT_SAFETENSORS_H
#define WEFT_SAFETENSORS_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open file. Immutable, so any number of threads may use one. */
typedef struct weft_safetensors weft_safetensors;

/** One tensor of a file. The pointers stay valid until the file is closed. */
typedef struct weft_safetensors_tensor {
    const char *name;
    const char *dtype_name; /**< as the file spells it, "BF16" say */
    bool is_supported;      /**< false for the dtypes that Weft has no elements for: BOOL, C64, F8_E4M3, ... */
    weft_dtype dtype;       /**< meaningless unless is_supported */
    weft_shape shape;       /**< row-major */
    const void *data;       /**< little-endian, aligned to nothing */
    size_t bytes;           /**< exactly what shape and dtype demand */
} weft_safetensors_tensor;

/** Opens and checks a file.
 *  @param path  of a regular file.
 *  @param out   the open file, yours until weft_safetensors_close(); NULL on failure.
 *  @retval WEFT_IO           the file cannot be opened or mapped, or is a directory.
 *  @retval WEFT_PARSE        the file breaks the format; the message names the tensor, the field and the value.
 *  @retval WEFT_UNSUPPORTED  a tensor has more than WEFT_RANK_MAX extents. */
WEFT_API WEFT_CHECKED weft_status weft_safetensors_open(const char *path, weft_safetensors **out, weft_error *err);

/** Unmaps the file; every name and data pointer that came from it dies. NULL is fine. */
WEFT_API void weft_safetensors_close(weft_safetensors *file);

/** How many tensors the file has, those of unsupported dtypes included. */
WEFT_API size_t weft_safetensors_count(const weft_safetensors *file);

/** The tensor with this index, in the order of their data in the file. A tensor of an unsupported dtype is given too:
 * see is_supported.
 *  @retval WEFT_OUT_OF_RANGE  @p index is not below weft_safetensors_count(). */
WEFT_API WEFT_CHECKED weft_status weft_safetensors_at(const weft_safetensors *file, size_t index,
                                                      weft_safetensors_tensor *out, weft_error *err);

/** The tensor with this name, in time logarithmic in the count.
 *  @retval WEFT_NOT_FOUND    there is none; the message offers the nearest name.
 *  @retval WEFT_UNSUPPORTED  the tensor is there, but Weft has no elements of its dtype. */
WEFT_API WEFT_CHECKED weft_status weft_safetensors_find(const weft_safetensors *file, const char *name,
                                                        weft_safetensors_tensor *out, weft_error *err);

/** The value of a key of the file's metadata, or NULL if it has no such key. Lives until the file is closed. */
WEFT_API const char *weft_safetensors_metadata(const weft_safetensors *file, const char *key);

#ifdef __cplusplus
}
#endif
#endif
