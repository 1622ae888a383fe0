#include "base/rng.h"

#include <math.h>

double weft__rng_normal(weft__rng *rng)
{
    double x;
    double radius_squared;
    do { /* a point in the unit circle, the centre left out */
        x = 2.0 * weft__rng_unit(rng) - 1.0;
        double y = 2.0 * weft__rng_unit(rng) - 1.0;
        radius_squared = x * x + y * y;
    } while (radius_squared >= 1.0 || radius_squared == 0.0);
    /* The method gives a second number out of y. It is not kept: the state would no longer be the generator's alone. */
    return x * sqrt(-2.0 * log(radius_squared) / radius_squared);
}
