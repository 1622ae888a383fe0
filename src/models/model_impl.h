/* Inside of models: what describing, loading and contexts share. */
#ifndef WEFT_MODELS_MODEL_IMPL_H
#define WEFT_MODELS_MODEL_IMPL_H

#include <stdatomic.h>

#include <weft/model.h>

#include "models/family.h"
#include "models/weight_files.h"

/* A directory that has passed all checks. */
typedef struct weft__checkpoint {
    const weft__family *family;
    weft__model_config config;
    weft__dims dims;
    weft__weight_files *files;
    weft_model_info info;
} weft__checkpoint;

/* Fills `*out`, which the caller closes also after a failure. Errors as weft_model_open(). */
weft_status weft__checkpoint_open(const char *directory, weft__checkpoint *out, weft_error *err);
void weft__checkpoint_close(weft__checkpoint *checkpoint);

/* Checks presence, dtype and shape of every weight, and that there are no others; counts them into checkpoint->info. */
weft_status weft__weights_check(weft__checkpoint *checkpoint, weft_error *err);

/* The same of weights that are in no file: counts what the configuration demands. */
void weft__weights_describe(weft__checkpoint *checkpoint);

struct weft_model {
    _Atomic uint32_t references; /* the user's, and one for each context */
    weft_device *device;         /* kept alive by the weights */
    weft__checkpoint checkpoint;
    weft_buffer **weights; /* as numbered in family.h; NULL for one that the model does not use */
    uint32_t weight_count;
};

void weft__model_retain(weft_model *model);

/* Brings the weights to model->device. What there is after a failure is freed with the model. */
weft_status weft__weights_load(weft_model *model, const weft_model_options *options, weft_error *err);
/* The same for weights that are in no file; `seed` as of weft_model_open_config(). */
weft_status weft__weights_draw(weft_model *model, uint64_t seed, weft_error *err);

#endif
