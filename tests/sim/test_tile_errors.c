/* Kernels with mistakes in them: each ends the run with a sentence that names kernel, PE, time and call. */
#include "value_bench.h"

#include "sim/tile/call.h"
#include "support/failing_malloc.h"

/* Where a kernel finds memory to make mistakes with. */
typedef struct memory {
    uint64_t hbm, hbm_last, tcm, tcm_last, tcm_next, mailbox;
} memory;

static weft_shape shape_of(uint64_t rows, uint64_t columns)
{
    return weft_shape_2d(rows, columns);
}

static tl_tensor own(weft_tile *tl, const memory *it, uint64_t rows, uint64_t columns, weft_dtype dtype)
{
    return tl_ref(tl, it->tcm, shape_of(rows, columns), dtype);
}

static tl_tensor far_away(weft_tile *tl, const memory *it, uint64_t rows, uint64_t columns)
{
    return tl_ref(tl, it->hbm, shape_of(rows, columns), WEFT_F16);
}

static void compose(weft_tile *tl, weft_command_op op, tl_tensor a, tl_tensor b, uint64_t out,
                    const tl_epilogue *epilogue)
{
    const tl_composite_request request = {.op = op,
                                          .a = a,
                                          .b = b,
                                          .c = a,
                                          .out = out,
                                          .dtype = WEFT_F16,
                                          .epilogues = epilogue,
                                          .epilogue_count = epilogue ? 1 : 0};
    (void)tl_composite(tl, &request);
}

#define MISTAKE(name)                                                                                                  \
    static void name(weft_tile *tl, const void *arguments)                                                             \
    {                                                                                                                  \
        const memory *it = arguments;
#define END_MISTAKE                                                                                                    \
    (void)it;                                                                                                          \
    }

/* clang-format off */
MISTAKE(fills_scratch)
    for (int i = 0; i < 3; i++)
        (void)tl_load(tl, it->hbm, weft_shape_1d(400000), WEFT_U8);
END_MISTAKE
MISTAKE(loads_nothing) (void)tl_load(tl, it->hbm, shape_of(4, 0), WEFT_F16); END_MISTAKE
MISTAKE(loads_no_dtype) (void)tl_load(tl, it->hbm, shape_of(4, 1), (weft_dtype)77); END_MISTAKE
MISTAKE(loads_a_high_rank) (void)tl_load(tl, it->hbm, (weft_shape){.rank = 9}, WEFT_F16); END_MISTAKE
MISTAKE(loads_from_nowhere) (void)tl_load(tl, UINT64_C(1) << 50, weft_shape_1d(4), WEFT_F16); END_MISTAKE
MISTAKE(loads_across_the_end) (void)tl_load(tl, it->hbm_last, weft_shape_1d(4), WEFT_F32); END_MISTAKE
MISTAKE(loads_too_much) (void)tl_load(tl, it->hbm, shape_of(UINT32_MAX, UINT32_MAX), WEFT_F32); END_MISTAKE
MISTAKE(loads_a_mailbox) (void)tl_load(tl, it->mailbox, weft_shape_1d(4), WEFT_F16); END_MISTAKE
MISTAKE(loads_what_it_has) (void)tl_load(tl, it->tcm, weft_shape_1d(4), WEFT_F16); END_MISTAKE
MISTAKE(refers_to_nowhere) (void)tl_ref(tl, UINT64_C(1) << 50, weft_shape_1d(4), WEFT_F16); END_MISTAKE
MISTAKE(stores_what_is_elsewhere) tl_store(tl, it->hbm, far_away(tl, it, 4, 4)); END_MISTAKE
MISTAKE(stores_at_home) tl_store(tl, it->tcm, own(tl, it, 4, 4, WEFT_F16)); END_MISTAKE
MISTAKE(stores_behind_the_end) tl_store(tl, it->hbm_last, own(tl, it, 4, 4, WEFT_F16)); END_MISTAKE
MISTAKE(stores_another_shape)
    tl_store_tensor(tl, far_away(tl, it, 4, 5), own(tl, it, 5, 4, WEFT_F16));
END_MISTAKE
MISTAKE(stores_to_a_part)
    tl_store_tensor(tl, tl_slice(tl, far_away(tl, it, 4, 5), 1, 0, 3), own(tl, it, 4, 3, WEFT_F16));
END_MISTAKE
MISTAKE(loads_a_view_of_what_it_has) (void)tl_load_tensor(tl, own(tl, it, 4, 4, WEFT_F16)); END_MISTAKE
MISTAKE(stores_to_a_place_at_home)
    tl_store_tensor(tl, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16));
END_MISTAKE
MISTAKE(stores_what_was_never_set) tl_store(tl, it->hbm, (tl_tensor){0}); END_MISTAKE
MISTAKE(loads_to_a_place_that_was_never_set) tl_load_to(tl, (tl_tensor){0}, it->hbm); END_MISTAKE
MISTAKE(adds_what_was_never_set) (void)tl_add(tl, own(tl, it, 1, 1, WEFT_F32), (tl_tensor){0}); END_MISTAKE
MISTAKE(takes_a_root_of_what_was_never_set) (void)tl_sqrt(tl, (tl_tensor){0}); END_MISTAKE
MISTAKE(multiplies_what_a_neighbour_has)
    tl_tensor b = own(tl, it, 4, 4, WEFT_F16);
    b.address = it->tcm_next;
    (void)tl_dot(tl, own(tl, it, 4, 4, WEFT_F16), b);
END_MISTAKE
MISTAKE(adds_across_the_end)
    tl_tensor b = own(tl, it, 4, 4, WEFT_F16);
    b.address = it->tcm_last;
    (void)tl_add(tl, own(tl, it, 4, 4, WEFT_F16), b);
END_MISTAKE
MISTAKE(adds_with_a_stride_around_all_addresses)
    tl_tensor b = own(tl, it, 5, 4, WEFT_F16);
    b.stride[0] = UINT64_C(1) << 62;
    (void)tl_add(tl, own(tl, it, 5, 4, WEFT_F16), b);
END_MISTAKE
MISTAKE(negates_what_is_too_long)
    tl_tensor a = own(tl, it, 4, 4, WEFT_F16);
    a.shape.extent[0] = UINT64_C(1) << 40;
    (void)tl_neg(tl, a);
END_MISTAKE
MISTAKE(asks_for_nothing) (void)tl_composite(tl, NULL); END_MISTAKE
MISTAKE(gives_no_list_of_epilogues)
    const tl_tensor a = own(tl, it, 4, 4, WEFT_F16);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = a, .b = a, .out = it->hbm, .dtype = WEFT_F16, .epilogue_count = 1};
    (void)tl_composite(tl, &request);
END_MISTAKE
MISTAKE(peeks_to_nowhere) tl_peek(tl, own(tl, it, 4, 4, WEFT_F16), NULL); END_MISTAKE
MISTAKE(counts_along_no_axis) (void)tl_num_programs(tl, (tl_axis)6); END_MISTAKE
MISTAKE(stands_on_no_axis) (void)tl_program_id(tl, (tl_axis)77); END_MISTAKE
MISTAKE(copies_to_a_place_that_was_never_set) tl_copy(tl, (tl_tensor){0}, own(tl, it, 1, 1, WEFT_F32)); END_MISTAKE
MISTAKE(copies_what_was_never_set) tl_copy(tl, own(tl, it, 1, 1, WEFT_F32), (tl_tensor){0}); END_MISTAKE
MISTAKE(peeks_at_what_was_never_set)
    float number;
    tl_peek(tl, (tl_tensor){0}, &number);
END_MISTAKE
MISTAKE(sends_what_was_never_set) (void)tl_send(tl, TL_NEXT, (tl_tensor){0}); END_MISTAKE
MISTAKE(sums_what_was_never_set) (void)tl_sum(tl, (tl_tensor){.shape = weft_shape_1d(4)}, 0); END_MISTAKE
MISTAKE(casts_what_was_never_set) (void)tl_cast(tl, (tl_tensor){0}, WEFT_F16); END_MISTAKE
MISTAKE(clamps_what_was_never_set) (void)tl_clamp(tl, (tl_tensor){0}, 0, 1); END_MISTAKE
MISTAKE(releases_too_late) tl_release(tl, 1); END_MISTAKE
MISTAKE(multiplies_what_does_not_fit)
    (void)tl_dot(tl, own(tl, it, 4, 5, WEFT_F16), own(tl, it, 4, 5, WEFT_F16));
END_MISTAKE
MISTAKE(multiplies_other_dtypes)
    (void)tl_dot(tl, own(tl, it, 4, 5, WEFT_F16), own(tl, it, 5, 4, WEFT_F32));
END_MISTAKE
MISTAKE(multiplies_vectors)
    (void)tl_dot(tl, tl_ref(tl, it->tcm, weft_shape_1d(4), WEFT_F16), own(tl, it, 4, 5, WEFT_F16));
END_MISTAKE
MISTAKE(multiplies_what_is_elsewhere) (void)tl_dot(tl, own(tl, it, 4, 5, WEFT_F16), far_away(tl, it, 5, 4)); END_MISTAKE
MISTAKE(adds_other_shapes) (void)tl_add(tl, own(tl, it, 4, 5, WEFT_F16), own(tl, it, 4, 4, WEFT_F16)); END_MISTAKE
MISTAKE(adds_other_dtypes) (void)tl_add(tl, own(tl, it, 4, 5, WEFT_F16), own(tl, it, 4, 5, WEFT_F32)); END_MISTAKE
MISTAKE(adds_what_is_elsewhere) (void)tl_add(tl, own(tl, it, 4, 4, WEFT_F16), far_away(tl, it, 4, 4)); END_MISTAKE
MISTAKE(sums_a_missing_axis) (void)tl_sum(tl, own(tl, it, 4, 5, WEFT_F16), 2); END_MISTAKE
MISTAKE(fills_too_much) (void)tl_full(tl, weft_shape_1d(2000000), WEFT_U8, 0); END_MISTAKE
MISTAKE(makes_room_for_too_much) (void)tl_empty(tl, weft_shape_1d(2000000), WEFT_U8); END_MISTAKE
MISTAKE(copies_another_shape) tl_copy(tl, own(tl, it, 4, 5, WEFT_F16), own(tl, it, 5, 4, WEFT_F16)); END_MISTAKE
MISTAKE(copies_another_dtype) tl_copy(tl, own(tl, it, 4, 5, WEFT_F32), own(tl, it, 4, 5, WEFT_F16)); END_MISTAKE
MISTAKE(copies_to_elsewhere) tl_copy(tl, far_away(tl, it, 4, 5), own(tl, it, 4, 5, WEFT_F16)); END_MISTAKE
MISTAKE(copies_from_elsewhere) tl_copy(tl, own(tl, it, 4, 5, WEFT_F16), far_away(tl, it, 4, 5)); END_MISTAKE
MISTAKE(copies_to_a_part)
    tl_copy(tl, tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 1, 0, 3), own(tl, it, 4, 3, WEFT_F16));
END_MISTAKE
MISTAKE(reshapes_wrongly) (void)tl_reshape(tl, own(tl, it, 4, 5, WEFT_F16), shape_of(3, 7)); END_MISTAKE
MISTAKE(reshapes_a_part)
    (void)tl_reshape(tl, tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 1, 0, 3), weft_shape_1d(12));
END_MISTAKE
MISTAKE(turns_a_vector) (void)tl_trans(tl, tl_ref(tl, it->tcm, weft_shape_1d(4), WEFT_F16)); END_MISTAKE
MISTAKE(cuts_too_far) (void)tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 0, 2, 3); END_MISTAKE
MISTAKE(cuts_nothing) (void)tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 1, 0, 0); END_MISTAKE
MISTAKE(cuts_far_too_far) (void)tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 1, 7, UINT64_MAX); END_MISTAKE
MISTAKE(reshapes_a_high_rank)
    (void)tl_reshape(tl, (tl_tensor){.shape = {.rank = 900}}, weft_shape_1d(12));
END_MISTAKE
MISTAKE(cuts_a_missing_axis) (void)tl_slice(tl, own(tl, it, 4, 5, WEFT_F16), 2, 0, 1); END_MISTAKE
MISTAKE(waits_for_nothing) tl_wait(tl, (tl_command){3}); END_MISTAKE
MISTAKE(waits_for_none) tl_wait(tl, (tl_command){0}); END_MISTAKE
MISTAKE(composes_an_unknown_op)
    compose(tl, WEFT_COMMAND_SOFTMAX, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_other_shapes)
    compose(tl, WEFT_COMMAND_ADD, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 1, 4, WEFT_F16), it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_other_dtypes)
    compose(tl, WEFT_COMMAND_ADD, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F32), it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_parts_of_elsewhere)
    compose(tl, WEFT_COMMAND_EXP, tl_trans(tl, far_away(tl, it, 4, 5)), own(tl, it, 4, 4, WEFT_F16), it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_to_nowhere)
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm_last, NULL);
END_MISTAKE
MISTAKE(composes_epilogues_of_math)
    const tl_epilogue relu = {.step = {WEFT_EPILOGUE_RELU, WEFT_SCOPE_OUTPUT_TILE, 0}};
    compose(tl, WEFT_COMMAND_ADD, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, &relu);
END_MISTAKE
MISTAKE(composes_no_epilogue)
    const tl_epilogue none = {.step = {(weft_epilogue_op)9, WEFT_SCOPE_OUTPUT_TILE, 0}};
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, &none);
END_MISTAKE
MISTAKE(composes_a_bias_of_another_width)
    const tl_epilogue bias = {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0},
                              .operand = tl_ref(tl, it->tcm, weft_shape_1d(5), WEFT_F16)};
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, &bias);
END_MISTAKE
MISTAKE(composes_a_bias_of_elsewhere)
    const tl_epilogue bias = {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0},
                              .operand = far_away(tl, it, 1, 4)};
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, &bias);
END_MISTAKE
MISTAKE(composes_a_bias_that_was_never_set)
    const tl_epilogue bias = {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0}};
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, &bias);
END_MISTAKE
MISTAKE(composes_products_of_what_was_never_set)
    tl_tensor b = {.shape = shape_of(4, 4), .dtype = WEFT_F16};
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), b, it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_sums_of_what_was_never_set)
    tl_tensor b = {.shape = shape_of(4, 4), .dtype = WEFT_F16};
    compose(tl, WEFT_COMMAND_FMA, own(tl, it, 4, 4, WEFT_F16), b, it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_what_another_has_named)
    tl_tensor b = own(tl, it, 4, 4, WEFT_F16);
    b.space = TL_REMOTE;
    compose(tl, WEFT_COMMAND_GEMM, own(tl, it, 4, 4, WEFT_F16), b, it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_reads)
    compose(tl, WEFT_COMMAND_DMA_READ, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, NULL);
END_MISTAKE
MISTAKE(composes_no_op)
    compose(tl, (weft_command_op)99, own(tl, it, 4, 4, WEFT_F16), own(tl, it, 4, 4, WEFT_F16), it->hbm, NULL);
END_MISTAKE
/* clang-format on */

typedef struct mistake {
    weft_tile_kernel *kernel;
    weft_status status;
    const char *call;
    const char *says;
} mistake;

static const mistake mistakes[] = {
    {fills_scratch, WEFT_OUT_OF_MEMORY, "tl_load",
     "no room for the result, u8 [400000] of 400000 bytes: 800000 of 1048576"},
    {loads_nothing, WEFT_INVALID_ARGUMENT, "tl_load", "The tensor of shape [4, 0] has no elements."},
    {loads_no_dtype, WEFT_INVALID_ARGUMENT, "tl_load", "The tensor has dtype 77, which has no size."},
    {loads_a_high_rank, WEFT_INVALID_ARGUMENT, "tl_load", "The tensor has rank 9, the highest is 8."},
    {loads_from_nowhere, WEFT_OUT_OF_RANGE, "tl_load", ""},
    {loads_across_the_end, WEFT_OUT_OF_RANGE, "tl_load", ""},
    {loads_too_much, WEFT_OUT_OF_RANGE, "tl_load", "has more bytes than there are addresses."},
    {loads_a_mailbox, WEFT_OUT_OF_RANGE, "tl_load", "is a mailbox of a command processor"},
    {loads_what_it_has, WEFT_INVALID_ARGUMENT, "tl_load", "use tl_ref."},
    {refers_to_nowhere, WEFT_OUT_OF_RANGE, "tl_ref", ""},
    {stores_what_is_elsewhere, WEFT_INVALID_ARGUMENT, "tl_store", "The tensor at address 0x0 is not in the PE's own"},
    {stores_another_shape, WEFT_SHAPE_MISMATCH, "tl_store_tensor", "f16 [5, 4] does not go to a place for f16 [4, 5]."},
    {stores_to_a_part, WEFT_INVALID_ARGUMENT, "tl_store_tensor", "shape [4, 3] is a part of another one"},
    {loads_a_view_of_what_it_has, WEFT_INVALID_ARGUMENT, "tl_load_tensor", "use it as it is."},
    {stores_at_home, WEFT_INVALID_ARGUMENT, "tl_store", "where the DMA does not go: use tl_copy."},
    {stores_to_a_place_at_home, WEFT_INVALID_ARGUMENT, "tl_store_tensor", "where the DMA does not go: use tl_copy."},
    {stores_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_store", "The tensor at address 0x0 says"},
    {loads_to_a_place_that_was_never_set, WEFT_INVALID_ARGUMENT, "tl_load_to", "The place at address 0x0 says"},
    {adds_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_add", "Operand b at address 0x0 says that it is in TL_TCM"},
    {takes_a_root_of_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_sqrt", "The operand at address 0x0 says"},
    {multiplies_what_a_neighbour_has, WEFT_INVALID_ARGUMENT, "tl_dot", "it was never set, or is another PE's."},
    {adds_across_the_end, WEFT_OUT_OF_RANGE, "tl_add", "goes on behind the end of the PE's own memory"},
    {adds_with_a_stride_around_all_addresses, WEFT_OUT_OF_RANGE, "tl_add", "goes on behind the end of the PE's own"},
    {negates_what_is_too_long, WEFT_OUT_OF_RANGE, "tl_neg",
     "The operand, f16 [1099511627776, 4] at address 0x10000000000, goes on behind the end of the PE's own memory, "
     "which "
     "has 1048576 bytes from there on."},
    {asks_for_nothing, WEFT_INVALID_ARGUMENT, "tl_composite", "There is no request: it is NULL."},
    {gives_no_list_of_epilogues, WEFT_INVALID_ARGUMENT, "tl_composite",
     "There are 1 epilogues, but their list is NULL."},
    {peeks_to_nowhere, WEFT_INVALID_ARGUMENT, "tl_peek", "There is no room for the elements: it is NULL."},
    {counts_along_no_axis, WEFT_INVALID_ARGUMENT, "tl_num_programs", "Axis 6 is none; there are 6."},
    {stands_on_no_axis, WEFT_INVALID_ARGUMENT, "tl_program_id", "Axis 77 is none; there are 6."},
    {copies_to_a_place_that_was_never_set, WEFT_INVALID_ARGUMENT, "tl_copy", "The place at address 0x0 says"},
    {copies_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_copy", "The tensor at address 0x0 says"},
    {peeks_at_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_peek", "The tensor at address 0x0 says"},
    {sends_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_send", "The tensor at address 0x0 says"},
    {sums_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_sum", "The operand at address 0x0 says"},
    {casts_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_cast", "The operand at address 0x0 says"},
    {clamps_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_clamp", "The operand at address 0x0 says"},
    {stores_behind_the_end, WEFT_OUT_OF_RANGE, "tl_store", ""},
    {releases_too_late, WEFT_INVALID_ARGUMENT, "tl_release", "The mark is 1 bytes, but only 0 are in use."},
    {multiplies_what_does_not_fit, WEFT_SHAPE_MISMATCH, "tl_dot",
     "[4, 5] times [4, 5] is no product: 5 columns meet 4 rows."},
    {multiplies_other_dtypes, WEFT_SHAPE_MISMATCH, "tl_dot", "Operands are f16 and f32"},
    {multiplies_vectors, WEFT_SHAPE_MISMATCH, "tl_dot", "Operand a has shape [4]"},
    {multiplies_what_is_elsewhere, WEFT_INVALID_ARGUMENT, "tl_dot", "Operand b at address 0x0 is not in the PE's own"},
    {adds_other_shapes, WEFT_SHAPE_MISMATCH, "tl_add", "Shapes [4, 5] and [4, 4] do not go together."},
    {adds_other_dtypes, WEFT_SHAPE_MISMATCH, "tl_add", "Operands are f16 and f32"},
    {adds_what_is_elsewhere, WEFT_INVALID_ARGUMENT, "tl_add", "Operand b at address"},
    {sums_a_missing_axis, WEFT_SHAPE_MISMATCH, "tl_sum", "Shape [4, 5] has no axis 2."},
    {fills_too_much, WEFT_OUT_OF_MEMORY, "tl_full", "no room"},
    {makes_room_for_too_much, WEFT_OUT_OF_MEMORY, "tl_empty", "no room"},
    {copies_another_shape, WEFT_SHAPE_MISMATCH, "tl_copy", "f16 [5, 4] does not go to a place for f16 [4, 5]."},
    {copies_another_dtype, WEFT_SHAPE_MISMATCH, "tl_copy", "f16 [4, 5] does not go to a place for f32 [4, 5]."},
    {copies_to_elsewhere, WEFT_INVALID_ARGUMENT, "tl_copy",
     "The place at address 0x0 is not in the PE's own memory: tl_store_tensor writes to other memories."},
    {copies_from_elsewhere, WEFT_INVALID_ARGUMENT, "tl_copy", "The tensor at address"},
    {copies_to_a_part, WEFT_INVALID_ARGUMENT, "tl_copy", "The place of shape [4, 3] is a part of another one"},
    {reshapes_wrongly, WEFT_SHAPE_MISMATCH, "tl_reshape", "Shape [4, 5] has 20 elements, but [3, 7] has 21."},
    {reshapes_a_part, WEFT_INVALID_ARGUMENT, "tl_reshape", "[4, 3] is a part or transposition"},
    {turns_a_vector, WEFT_SHAPE_MISMATCH, "tl_trans", "rank 1"},
    {cuts_too_far, WEFT_OUT_OF_RANGE, "tl_slice", "Axis 0 of [4, 5] has 4 indices, which 3 from index 2 on exceed."},
    {cuts_nothing, WEFT_OUT_OF_RANGE, "tl_slice", "The count of indices of axis 1 of [4, 5] is 0."},
    {cuts_far_too_far, WEFT_OUT_OF_RANGE, "tl_slice",
     "Axis 1 of [4, 5] has 5 indices, which 18446744073709551615 from index 7 on exceed."},
    {reshapes_a_high_rank, WEFT_INVALID_ARGUMENT, "tl_reshape", "rank 900"},
    {cuts_a_missing_axis, WEFT_SHAPE_MISMATCH, "tl_slice", "Shape [4, 5] has no axis 2."},
    {waits_for_nothing, WEFT_NOT_FOUND, "tl_wait", "The command is none that this kernel has given."},
    {waits_for_none, WEFT_NOT_FOUND, "tl_wait", "The command is none that this kernel has given."},
    {composes_an_unknown_op, WEFT_UNSUPPORTED, "tl_composite",
     "Operation 'softmax' is none that a composite command does."},
    {composes_reads, WEFT_UNSUPPORTED, "tl_composite", "Operation 'dma_read' is none that"},
    {composes_no_op, WEFT_INVALID_ARGUMENT, "tl_composite", "Operation 99 is none."},
    {composes_a_bias_that_was_never_set, WEFT_INVALID_ARGUMENT, "tl_composite",
     "The operand of an epilogue at address 0x0"},
    {composes_products_of_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_composite", "Operand b at address 0x0 says"},
    {composes_sums_of_what_was_never_set, WEFT_INVALID_ARGUMENT, "tl_composite", "Operand b at address 0x0 says"},
    {composes_what_another_has_named, WEFT_INVALID_ARGUMENT, "tl_composite",
     "own memory, where the DMA does not go: use tl_ref."},
    {composes_other_shapes, WEFT_SHAPE_MISMATCH, "tl_composite", "Operands have shapes [4, 4] and [1, 4]"},
    {composes_other_dtypes, WEFT_SHAPE_MISMATCH, "tl_composite", "Operands are f16 and f32"},
    {composes_parts_of_elsewhere, WEFT_UNSUPPORTED, "tl_composite", "[5, 4] is elsewhere and not contiguous"},
    {composes_to_nowhere, WEFT_OUT_OF_RANGE, "tl_composite", ""},
    {composes_epilogues_of_math, WEFT_UNSUPPORTED, "tl_composite",
     "Operation 'add' has epilogues, which only products can have."},
    {composes_no_epilogue, WEFT_INVALID_ARGUMENT, "tl_composite", "Epilogue 9 of scope 0 is none."},
    {composes_a_bias_of_another_width, WEFT_SHAPE_MISMATCH, "tl_composite",
     "has shape [5], which does not go with [4, 4]"},
    {composes_a_bias_of_elsewhere, WEFT_INVALID_ARGUMENT, "tl_composite", "The operand of an epilogue at address"},
};

static memory memory_of(const tile_bench *it)
{
    uint64_t slice = weft__region_bytes(it->base.graph, WEFT__REGION_HBM);
    uint64_t tcm = weft__region_bytes(it->base.graph, WEFT__REGION_TCM);
    return (memory){.hbm = address_in(it, WEFT__REGION_HBM, 0, 0, 0),
                    .hbm_last = address_in(it, WEFT__REGION_HBM, 0, 1, slice - 12),
                    .tcm = address_in(it, WEFT__REGION_TCM, 0, 0, 0),
                    .tcm_last = address_in(it, WEFT__REGION_TCM, 0, 0, tcm - 30),
                    .tcm_next = address_in(it, WEFT__REGION_TCM, 0, 1, 0),
                    .mailbox = address_in(it, WEFT__REGION_MCPU, 0, 0, 0)};
}

START_TEST(each_mistake_is_named)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        tile_bench it;
        weft_error err;
        open_tile_bench(&it, "tiny", NULL);
        const memory where = memory_of(&it);
        launch_kernel(&it, mistakes[i].kernel, &where, 1);
        weft_status status = weft__sim_run(it.base.sim, WEFT__NEVER, &err);
        ck_assert_msg(status == mistakes[i].status, "Mistake %zu of %s gave %s: %s", i, mistakes[i].call,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        char begin[128];
        double now_ns = (double)weft__sim_now(it.base.sim) / 1000;
        (void)snprintf(begin, sizeof begin, "Kernel 'kernel' on sip0.cube0.pe0 at %.3f ns, %s: ", now_ns,
                       mistakes[i].call);
        ck_assert_msg(strncmp(err.message, begin, strlen(begin)) == 0, "%s does not begin with %s", err.message, begin);
        ck_assert_msg(strstr(err.message, mistakes[i].says) != NULL, "%s does not say %s", err.message,
                      mistakes[i].says);
        ck_assert_msg(err.message[strlen(err.message) - 1] == '.', "%s does not end", err.message);
        close_tile_bench(&it);
    }
}
END_TEST

/* ---- standstill ---- */

static void endless_kernel(weft_tile *tl, const void *arguments)
{
    const memory *it = arguments;
    (void)tl_load(tl, it->hbm, weft_shape_1d(16384), WEFT_U8);
    if (tl_program_id(tl, TL_AXIS_PE) == 1)
        weft__process_suspend(tl->process); /* nobody will resume it */
}

START_TEST(a_kernel_that_waits_for_ever_is_named)
{
    tile_bench it;
    weft_error err;
    open_tile_bench(&it, "tiny", NULL);
    const memory where = memory_of(&it);
    launch_kernel(&it, endless_kernel, &where, 0);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, NULL), WEFT_DEADLOCK); /* it has not begun */
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "kernel 'kernel' has not ended on 1 of 2 PEs") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, " sip0.cube0.pe1 waits in tl_load since ") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "pe0") == NULL, "%s", err.message);
    weft__kernel_report report;
    weft__kernel_run_report(it.run, 0, &report);
    ck_assert_uint_ne(report.end, WEFT__NEVER);
    weft__kernel_run_report(it.run, 1, &report);
    ck_assert_uint_eq(report.end, WEFT__NEVER);
    ck_assert_uint_eq(weft__kernel_run_end_ps(it.run), WEFT__NEVER);
    close_tile_bench(&it);
}
END_TEST

START_TEST(a_long_list_of_those_that_wait_is_cut)
{
    tile_bench it;
    weft_error err;
    open_tile_bench(&it, "two-sip", NULL);
    const memory where = memory_of(&it);
    launch_kernel(&it, endless_kernel, &where, 0);
    run_bench(&it.base);
    WEFT_TEST_ASSERT_STATUS(weft__kernel_run_check(it.run, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "on 32 of 256 PEs") != NULL, "%s", err.message);
    ck_assert_msg(strcmp(err.message + strlen(err.message) - 3, "...") == 0, "%s", err.message);
    close_tile_bench(&it);
}
END_TEST

/* ---- out of memory ---- */

static void many_kernel(weft_tile *tl, const void *arguments)
{
    const memory *it = arguments;
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = far_away(tl, it, 64, 64),
                                          .b = far_away(tl, it, 64, 64),
                                          .out = it->hbm + 65536,
                                          .dtype = WEFT_F16};
    (void)tl_composite(tl, &request);
    tl_tensor a = tl_load(tl, it->hbm, shape_of(16, 16), WEFT_F16);
    tl_store(tl, it->hbm, tl_dot(tl, a, tl_exp(tl, a)));
}

/* A launch and its run, with nothing asserted in between. */
static weft_status try_many(tile_bench *it, const memory *where, const uint32_t *cpus, size_t count, weft_error *err)
{
    const weft__kernel_request request = {
        .name = "many", .kernel = many_kernel, .arguments = where, .cpus = cpus, .count = count};
    weft_status status = weft__pes_create(it->base.fabric, it->base.transfers, &it->pes, err);
    if (status == WEFT_OK)
        status = weft__kernel_launch(it->pes, 0, &request, &it->run, err);
    if (status == WEFT_OK)
        status = weft__sim_run(it->base.sim, WEFT__NEVER, err);
    return status == WEFT_OK ? weft__kernel_run_check(it->run, err) : status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t tried = 0;
    for (; failed; tried++) {
        tile_bench it;
        weft_error err;
        open_tile_bench(&it, "tiny", NULL);
        weft__pes_destroy(it.pes);
        it.pes = NULL;
        const memory where = memory_of(&it);
        size_t count = 0;
        uint32_t *cpus = first_cpus(&it, &count);
        weft_test_fail_allocation_after(tried);
        weft_status status = try_many(&it, &where, cpus, count, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s", tried,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        free(cpus);
        close_tile_bench(&it);
    }
    ck_assert_uint_gt(tried, 20);
}
END_TEST

START_TEST(a_warm_machine_allocates_nothing)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    const memory where = memory_of(&it);
    uint64_t used[3];
    for (int round = 0; round < 3; round++) {
        launch_kernel(&it, many_kernel, &where, 0);
        uint64_t before = weft_test_allocations();
        weft_status status = weft__sim_run(it.base.sim, WEFT__NEVER, NULL);
        used[round] = weft_test_allocations() - before;
        ck_assert_int_eq(status, WEFT_OK);
        weft__kernel_run_destroy(it.run);
        it.run = NULL;
    }
    ck_assert_uint_gt(used[0], 0);
    ck_assert_uint_eq(used[2], 0);
    close_tile_bench(&it);
}
END_TEST

static void constant_of_nothing(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_constant(tl, weft_shape_1d(4), WEFT_F32, NULL);
}

/* Where nobody keeps values, nobody looks at them. */
START_TEST(a_constant_needs_its_elements)
{
    value_bench it;
    tile_bench without;
    weft_error err;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
    ck_assert_int_eq(try_kernel(&it, constant_of_nothing, NULL, 1, &err), WEFT_INVALID_ARGUMENT);
    ck_assert_msg(strstr(err.message, "tl_constant: There are no elements: the data are NULL.") != NULL, "%s",
                  err.message);
    close_value_bench(&it);
    open_tile_bench(&without, "tiny", NULL);
    (void)run_kernel(&without, constant_of_nothing, NULL, 1);
    close_tile_bench(&without);
}
END_TEST

WEFT_TEST_MAIN("tile_errors", a_constant_needs_its_elements, each_mistake_is_named,
               a_kernel_that_waits_for_ever_is_named, a_long_list_of_those_that_wait_is_cut, every_allocation_may_fail,
               a_warm_machine_allocates_nothing)
