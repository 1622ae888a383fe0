/* Model directories made for a test: models/sums taken apart, changed in one place, and written to a temporary folder.
 */
#ifndef WEFT_TESTS_MODELS_DIRECTORY_H
#define WEFT_TESTS_MODELS_DIRECTORY_H

#include <jansson.h>
#include <stddef.h>

/* A safetensors file in memory. */
typedef struct tensor_file {
    json_t *header;
    char *data;
    size_t bytes; /* of data */
} tensor_file;

/* A folder that holds copies of the small files of models/sums and nothing else. */
typedef struct directory {
    char path[256];
} directory;

directory directory_create(void);
/* Removes the folder with all that is in it. */
void directory_remove(directory *at);

/* Writes a file of the folder. */
void directory_write(const directory *at, const char *name, const void *bytes, size_t size);
void directory_write_json(const directory *at, const char *name, const json_t *json);
void directory_delete(const directory *at, const char *name);

/* config.json of models/sums with one place set to a JSON value or, if that is NULL, taken away; written. */
void directory_configure(const directory *at, const char *place, const char *value);

/* The weights of models/sums. */
tensor_file tensor_file_read(void);
void tensor_file_free(tensor_file *file);
/* Takes a tensor out of the header and its bytes out of the data. */
void tensor_file_drop(tensor_file *file, const char *name);
/* Adds a tensor with the shape, dtype and bytes of another one. */
void tensor_file_duplicate(tensor_file *file, const char *from, const char *name);
/* Writes it as `name`, with blanks behind the header until its length, which stands before it, is `remainder` modulo 8.
 */
void directory_write_tensors(const directory *at, const char *name, const tensor_file *file, size_t remainder);

/* Writes the weights of models/sums as two shards, the tensors of two layers in one and all others in the other, and
 * their index, of which one place is set to a JSON value, or taken away if that is NULL. `place` may be NULL. */
void directory_write_shards(const directory *at, const char *place, const char *value);

#endif
