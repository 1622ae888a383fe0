#include "graph_values.h"

#include <math.h>

/* A place: its elements and their errors. */
typedef struct span {
    double value[ELEMENTS], error[ELEMENTS];
} span;

static const double unit = 0x1p-24, normal = 0x1p-126;

/* An element that devices have up to `error` away from `value`, before they round it: `factor` units. */
static void put(span *out, size_t i, double value, double error, double factor)
{
    out->value[i] = value;
    out->error[i] = error + factor * unit * fmax(fabs(value) + error, normal);
}

static void add(const span *a, const span *b, span *out)
{
    for (size_t i = 0; i < ELEMENTS; i++)
        put(out, i, a->value[i] + b->value[i], a->error[i] + b->error[i], 1);
}

/* How far off a product can be. */
static double product_error(double a, double a_error, double b, double b_error)
{
    return fabs(a) * b_error + fabs(b) * a_error + a_error * b_error;
}

static void mul(const span *a, const span *b, span *out)
{
    for (size_t i = 0; i < ELEMENTS; i++)
        put(out, i, a->value[i] * b->value[i], product_error(a->value[i], a->error[i], b->value[i], b->error[i]), 1);
}

/* No slope of silu is steeper than 1.1, which the bound of gate_up_silu takes for the factor of `up` too. */
static void silu_mul(const span *gate, const span *up, span *out)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        double silu = gate->value[i] / (1 + exp(-gate->value[i]));
        put(out, i, silu * up->value[i], 1.1 * product_error(silu, gate->error[i], up->value[i], up->error[i]), 8);
    }
}

/* The root of a row is off by no more than the root of the mean of the squares of errors, and no less than that of
 * epsilon. */
static void norm_row(const span *x, size_t first, size_t dims, const float *weight, span *out)
{
    double squares = 0, error_squares = 0;
    for (size_t i = first; i < first + dims; i++) {
        squares += x->value[i] * x->value[i];
        error_squares += x->error[i] * x->error[i];
    }
    double epsilon = (double)norm_params.epsilon, off = sqrt(error_squares / (double)dims);
    double root = sqrt(squares / (double)dims + epsilon), least = fmax(root - off, sqrt(epsilon));
    for (size_t i = first; i < first + dims; i++) {
        double factor = weight ? (double)weight[i - first] + (double)norm_params.weight_bias : 1;
        double error = x->error[i] / least + fabs(x->value[i]) * off / (root * least);
        put(out, i, x->value[i] / root * factor, error * fabs(factor), (double)dims / 8 + 8);
    }
}

static void norm(const bed *at, const span *x, uint8_t which, span *out)
{
    size_t dims = which == 1 ? ROW : HEAD;
    for (size_t first = 0; first < ELEMENTS; first += dims)
        norm_row(x, first, dims, which < 2 ? at->norm_values[which] : NULL, out);
}

/* The error of a turned element is as long as that of the pair: so is the bound of rms_norm_rope. */
static void rope(const span *x, span *out)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        size_t within = i % HEAD, pair = within % (HEAD / 2), a = i - within + pair, b = a + HEAD / 2;
        double angle = bed_positions[i / ROW] * pow(rope_params.theta, -2.0 * (double)pair / HEAD);
        double value = within < HEAD / 2 ? x->value[a] * cos(angle) - x->value[b] * sin(angle)
                                         : x->value[b] * cos(angle) + x->value[a] * sin(angle);
        double error = hypot(x->error[a], x->error[b]);
        double length = hypot(fabs(x->value[a]) + x->error[a], fabs(x->value[b]) + x->error[b]);
        put(out, i, value, error + 4 * unit * length, 0);
    }
}

static void matmul(const span *x, const float *weight, span *out)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        double sum = 0, error = 0, sizes = 0;
        for (size_t k = 0; k < HEAD; k++) {
            size_t from = i - i % HEAD + k;
            double factor = (double)weight[i % HEAD * HEAD + k];
            sum += x->value[from] * factor;
            error += x->error[from] * fabs(factor);
            sizes += (fabs(x->value[from]) + x->error[from]) * fabs(factor);
        }
        put(out, i, sum, error + (HEAD / 8.0 + 16) * unit * sizes, 0);
    }
}

static span load(const graph_values *it, uint8_t place)
{
    span out;
    memcpy(out.value, &it->value[place / 2][place % 2 * ROW], sizeof out.value);
    memcpy(out.error, &it->error[place / 2][place % 2 * ROW], sizeof out.error);
    return out;
}

static double store(graph_values *it, uint8_t place, const span *from)
{
    double most = 0;
    memcpy(&it->value[place / 2][place % 2 * ROW], from->value, sizeof from->value);
    memcpy(&it->error[place / 2][place % 2 * ROW], from->error, sizeof from->error);
    for (size_t i = 0; i < ELEMENTS; i++)
        most = fmax(most, fabs(from->value[i]) + from->error[i]);
    return most;
}

void graph_values_begin(graph_values *it, contents from)
{
    memset(it, 0, sizeof *it);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        for (size_t k = 0; k < (TOKENS + 1) * ROW; k++)
            it->value[i][k] = (double)from[i][k];
}

double graph_values_call(graph_values *it, const bed *at, const call *made)
{
    const span a = load(it, made->a), b = load(it, made->b);
    span out = load(it, made->out);
    size_t from = made->w * ROW, to = (made->w + 1u) % TOKENS * ROW;
    switch (made->op) {
    case ADD:
        add(&a, &b, &out);
        break;
    case MUL:
        mul(&a, &b, &out);
        break;
    case SILU_MUL:
        silu_mul(&a, &b, &out);
        break;
    case NORM:
        norm(at, &a, made->w, &out);
        break;
    case ROPE:
        rope(&a, &out);
        break;
    case MATMUL:
        matmul(&a, at->matrix_values[made->w], &out);
        break;
    default:
        memcpy(&out.value[to], &a.value[from], ROW * sizeof out.value[0]);
        memcpy(&out.error[to], &a.error[from], ROW * sizeof out.error[0]);
    }
    return store(it, made->out, &out);
}
