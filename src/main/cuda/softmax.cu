// Softmax over rows of float32 scores [rows, COLUMNS], as probabilities of type OUTPUT of the same
// shape: exp(scores factor + bias - largest) / sum over the first `keys` columns, zero beyond.
// A row up to SPAN columns lies in registers and is read once; a longer one is read three times, of
// which the cache serves two. With BIASED, rows are [heads, tile] for the queries from `first` on of
// `queries` in all, and the bias of head h for key k and query q is bias[h, k - q + queries - 1].
// Constants: COLUMNS, VECTOR, THREADS, OUTPUT (element type), BIASED.
#include "reduce.cuh"
#include "tile.cuh"

constexpr int SPAN = 16384;

// One score after scaling and bias.
__device__ __forceinline__ float logit(
    float score, float factor, const float* bias, int column, int keys) {
  if (column >= keys) {
    return Largest::NEUTRAL;
  }
  float value = score * factor;
  if constexpr (BIASED) {
    value += bias[column];
  }
  return value;
}

extern "C" __global__ void __launch_bounds__(THREADS) softmax(
    const float* scores, void* target, const float* bias, float factor, int keys, int tile, int first,
    int queries) {
  int64 row = blockIdx.x;
  if constexpr (BIASED) {
    int64 head = row / tile;
    int query = static_cast<int>(row - head * tile) + first;
    bias += head * (2 * queries - 1) + (queries - 1 - query);
  }
  if constexpr (COLUMNS <= SPAN) {
    using Values = Row<COLUMNS, VECTOR, THREADS>;
    Values values;
    values.template read<FLOAT32>(scores, row * COLUMNS);
    float most = Largest::NEUTRAL;
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values.values[e][i] =
            logit(values.values[e][i], factor, bias, Values::column(e) + i, keys);
        most = fmaxf(most, values.values[e][i]);
      }
    }
    most = reduceBlock<Largest, THREADS, 0>(most);
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values.values[e][i] =
            Values::column(e) + i < keys ? expf(values.values[e][i] - most) : 0.0f;
      }
    }
    float inverse = 1.0f / reduceBlock<Sum, THREADS, 1>(values.sum());
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          values.values[e][i] *= inverse;
        }
        store<OUTPUT, VECTOR>(target, row * COLUMNS + Values::column(e), values.values[e]);
      }
    }
  } else {
    const float* from = scores + row * COLUMNS;
    float most = Largest::NEUTRAL;
    for (int column = threadIdx.x; column < keys; column += THREADS) {
      most = fmaxf(most, logit(from[column], factor, bias, column, keys));
    }
    most = reduceBlock<Largest, THREADS, 0>(most);
    float sum = 0.0f;
    for (int column = threadIdx.x; column < keys; column += THREADS) {
      sum += expf(logit(from[column], factor, bias, column, keys) - most);
    }
    float inverse = 1.0f / reduceBlock<Sum, THREADS, 1>(sum);
    for (int column = threadIdx.x; column < COLUMNS; column += THREADS) {
      float value[1] = {0.0f};
      if (column < keys) {
        value[0] = expf(logit(from[column], factor, bias, column, keys) - most) * inverse;
      }
      store<OUTPUT, 1>(target, row * COLUMNS + column, value);
    }
  }
}
