"""The helper functions of the C file; a file holds those that its model needs.

Inner loops run over outputs, over rows, or over sixteen sums side by side: a compiler makes vectors of them without
changing the order in which any number is summed, so that results do not depend on what it makes of them.
"""

from collections.abc import Set

from aetk.edge.embed_c.program import BLOCK

_SMALL = {
    "clipped": """
static float clipped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}
""",
    "at_least": """
static float at_least(float x, float low)
{
    return x < low ? low : x;
}
""",
    "leaky": """
static float leaky(float x, float slope)
{
    return x >= 0.0f ? x : slope * x;
}
""",
    "magnitude": """
static float magnitude(float x)
{
    return x < 0.0f ? -x : x;
}
""",
    "square": """
static float square(float x)
{
    return x * x;
}
""",
    "soften": """
/* x[i] = exp(x[i] - largest); returns 1 / their sum. An exponent below -60 counts as -60: beside the largest, which is
 * 1, no sum notices the difference, and no product comes out so small that processors compute it slowly. */
static float soften(float *restrict x, size_t count)
{
    const size_t whole = count - count % 16;
    float largest = x[0], sum = 0.0f;
    if (whole > 0) {
        float lanes[16];
        for (size_t lane = 0; lane < 16; ++lane) {
            lanes[lane] = x[lane];
        }
        for (size_t i = 16; i < whole; i += 16) {
            for (size_t lane = 0; lane < 16; ++lane) {
                lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
            }
        }
        for (size_t lane = 0; lane < 16; ++lane) {
            largest = lanes[lane] > largest ? lanes[lane] : largest;
        }
    }
    for (size_t i = whole; i < count; ++i) {
        largest = x[i] > largest ? x[i] : largest;
    }
    for (size_t i = 0; i < count; ++i) {
        const float exponent = x[i] - largest;
        x[i] = exponent < -60.0f ? -60.0f : exponent;
    }
    for (size_t i = 0; i < count; ++i) {
        x[i] = expf(x[i]);
        sum += x[i];
    }
    return 1.0f / sum;
}
""",
    "product": """
/* out[j] = sum over k of x[k] * w[k][j], in the order of k. */
static void product(float *restrict out, const float *restrict x, const WEIGHT *restrict w, size_t inputs,
                    size_t outputs)
{
    const size_t whole = inputs - inputs % 4;
    for (size_t j = 0; j < outputs; ++j) {
        out[j] = 0.0f;
    }
    for (size_t k = 0; k < whole; k += 4) {
        const WEIGHT *const w0 = w + k * outputs;
        const WEIGHT *const w1 = w0 + outputs;
        const WEIGHT *const w2 = w1 + outputs;
        const WEIGHT *const w3 = w2 + outputs;
        const float x0 = x[k], x1 = x[k + 1], x2 = x[k + 2], x3 = x[k + 3];
        for (size_t j = 0; j < outputs; ++j) {
            float sum = out[j];
            sum += x0 * (float)w0[j];
            sum += x1 * (float)w1[j];
            sum += x2 * (float)w2[j];
            sum += x3 * (float)w3[j];
            out[j] = sum;
        }
    }
    for (size_t k = whole; k < inputs; ++k) {
        const WEIGHT *const w0 = w + k * outputs;
        const float x0 = x[k];
        for (size_t j = 0; j < outputs; ++j) {
            out[j] += x0 * (float)w0[j];
        }
    }
}
""",
    "product_by_output": """
/* out[k] = sum over j of x[j] * w[k][j]: sixteen sums, of every sixteenth j, which are then added. */
static void product_by_output(float *restrict out, const float *restrict x, const WEIGHT *restrict w,
                              size_t inputs, size_t outputs)
{
    const size_t whole = inputs - inputs % 16;
    for (size_t k = 0; k < outputs; ++k, w += inputs) {
        float sums[16] = {0.0f};
        float total = 0.0f;
        for (size_t j = 0; j < whole; j += 16) {
            for (size_t lane = 0; lane < 16; ++lane) {
                sums[lane] += x[j + lane] * (float)w[j + lane];
            }
        }
        for (size_t j = whole; j < inputs; ++j) {
            sums[j - whole] += x[j] * (float)w[j];
        }
        for (size_t lane = 0; lane < 16; ++lane) {
            total += sums[lane];
        }
        out[k] = total;
    }
}
""",
    "sparse_product": """
/* out[to[i]] = sum of x[from[i]] * w[i] */
static void sparse_product(float *restrict out, const float *restrict x, const float *restrict w,
                           const uint16_t *restrict from, const uint16_t *restrict to, size_t count, size_t outputs)
{
    for (size_t j = 0; j < outputs; ++j) {
        out[j] = 0.0f;
    }
    for (size_t i = 0; i < count; ++i) {
        out[to[i]] += x[from[i]] * w[i];
    }
}
""",
}
_BLOCK = {
    "soften_block": """
static void soften_block(float *restrict x, float *restrict inverse, size_t count)
{
    float largest[ROWS], sum[ROWS];
    for (size_t r = 0; r < ROWS; ++r) {
        largest[r] = x[r];
        sum[r] = 0.0f;
    }
    for (size_t i = 1; i < count; ++i) {
        for (size_t r = 0; r < ROWS; ++r) {
            const float value = x[i * ROWS + r];
            largest[r] = value > largest[r] ? value : largest[r];
        }
    }
    for (size_t i = 0; i < count; ++i) {
        for (size_t r = 0; r < ROWS; ++r) {
            const float exponent = x[i * ROWS + r] - largest[r];
            x[i * ROWS + r] = exponent < -60.0f ? -60.0f : exponent;
        }
        for (size_t r = 0; r < ROWS; ++r) {
            x[i * ROWS + r] = expf(x[i * ROWS + r]);
        }
        for (size_t r = 0; r < ROWS; ++r) {
            sum[r] += x[i * ROWS + r];
        }
    }
    for (size_t r = 0; r < ROWS; ++r) {
        inverse[r] = 1.0f / sum[r];
    }
}
""",
    "product_block": """
static void product_block(float *restrict out, const float *restrict x, const WEIGHT *restrict w,
                          size_t inputs, size_t outputs)
{
    for (size_t j = 0; j < outputs; ++j) {
        const size_t whole = inputs - inputs % 4;
        float *restrict const sum = out + j * ROWS;
        for (size_t r = 0; r < ROWS; ++r) {
            sum[r] = 0.0f;
        }
        for (size_t k = 0; k < whole; k += 4) {
            const float w0 = (float)w[k * outputs + j], w1 = (float)w[(k + 1) * outputs + j];
            const float w2 = (float)w[(k + 2) * outputs + j], w3 = (float)w[(k + 3) * outputs + j];
            const float *const at = x + k * ROWS;
            for (size_t r = 0; r < ROWS; ++r) {
                float total = sum[r];
                total += at[r] * w0;
                total += at[ROWS + r] * w1;
                total += at[2 * ROWS + r] * w2;
                total += at[3 * ROWS + r] * w3;
                sum[r] = total;
            }
        }
        for (size_t k = whole; k < inputs; ++k) {
            const float w0 = (float)w[k * outputs + j];
            for (size_t r = 0; r < ROWS; ++r) {
                sum[r] += x[k * ROWS + r] * w0;
            }
        }
    }
}
""",
    "product_by_output_block": """
static void product_by_output_block(float *restrict out, const float *restrict x, const WEIGHT *restrict w,
                                    size_t inputs, size_t outputs)
{
    for (size_t k = 0; k < outputs; ++k, w += inputs) {
        float *restrict const total = out + k * ROWS;
        for (size_t r = 0; r < ROWS; ++r) {
            total[r] = 0.0f;
        }
        for (size_t lane = 0; lane < 16; ++lane) {
            float sums[ROWS] = {0.0f};
            for (size_t j = lane; j < inputs; j += 16) {
                const float weight = (float)w[j];
                for (size_t r = 0; r < ROWS; ++r) {
                    sums[r] += x[j * ROWS + r] * weight;
                }
            }
            for (size_t r = 0; r < ROWS; ++r) {
                total[r] += sums[r];
            }
        }
    }
}
""",
    "sparse_product_block": """
static void sparse_product_block(float *restrict out, const float *restrict x, const float *restrict w,
                                 const uint16_t *restrict from, const uint16_t *restrict to, size_t count,
                                 size_t outputs)
{
    for (size_t j = 0; j < outputs * ROWS; ++j) {
        out[j] = 0.0f;
    }
    for (size_t i = 0; i < count; ++i) {
        for (size_t r = 0; r < ROWS; ++r) {
            out[to[i] * ROWS + r] += x[from[i] * ROWS + r] * w[i];
        }
    }
}
""",
}


def text(names: Set[str], weight: str, *, block: bool) -> str:
    """The helpers of these names, for one row or for blocks, with weights of this C type."""
    chosen = _BLOCK if block else _SMALL
    found = "".join(code for name, code in chosen.items() if name in names)
    return (
        found.replace("WEIGHT", weight)
        .replace("(float)w", "w" if weight == "float" else "(float)w")
        .replace("ROWS", str(BLOCK))
    )
