/* What a first program of a user looks like, built against the installed library alone. */
#include <stdio.h>

#include <weft/weft.h>

int main(void)
{
    const float one[4] = {1, 2, 3, 4}, two[4] = {10, 20, 30, 40};
    float sum[4] = {0};
    weft_device *device = NULL;
    weft_buffer *a = NULL, *b = NULL, *out = NULL;
    weft_encoder *encoder = NULL;
    weft_error err;
    weft_shape shape = weft_shape_1d(4);

    int failed = weft_device_open("ref", &device, &err) || weft_buffer_create(device, WEFT_F32, &shape, &a, &err) ||
                 weft_buffer_create(device, WEFT_F32, &shape, &b, &err) ||
                 weft_buffer_create(device, WEFT_F32, &shape, &out, &err) ||
                 weft_buffer_write(a, 0, one, sizeof one, &err) || weft_buffer_write(b, 0, two, sizeof two, &err) ||
                 weft_encoder_create(device, NULL, &encoder, &err) || weft_add(encoder, a, b, out, &err) ||
                 weft_encoder_commit_and_wait(encoder, "sum", &err) || weft_buffer_read(out, 0, sum, sizeof sum, &err);
    if (failed)
        fprintf(stderr, "%s\n", err.message);
    else
        printf("weft %s: %g %g %g %g\n", weft_version(), sum[0], sum[1], sum[2], sum[3]);

    weft_encoder_destroy(encoder);
    weft_buffer_destroy(out);
    weft_buffer_destroy(b);
    weft_buffer_destroy(a);
    weft_device_close(device);
    return failed;
}
