// Norms over rows [rows, COLUMNS], each in one pass: the row lies in registers, mean and variance are
// taken there in two steps (no cancellation), and it leaves in the format that the consumer wants.
//   modulatedNorm  layerNorm(x) (1 + scale[group]) + shift[group]
//   layerNorm      layerNorm(x) weight + bias
//   rmsNorm        x / rms(x) weight
// The first two may change x before, which saves reading it again: with ADDED 1, x += y; with 2,
// x += y gate[group], whose groups are named apart.
// Constants: COLUMNS, VECTOR (elements an access, 16 bytes of bf16), THREADS, INPUT, CHANGE (of y),
// WEIGHT and OUTPUT (element types), ADDED, FORMAT. One block a row: 5,120 columns are 16 values in
// each of 320 threads.
#include "fp8.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

__device__ __forceinline__ void normalise(Values& row, float epsilon) {
  float mean = reduceBlock<Sum, THREADS, 0>(row.sum()) / COLUMNS;
  float variance = reduceBlock<Sum, THREADS, 1>(row.squares(mean)) / COLUMNS;
  float factor = 1.0f / sqrtf(variance + epsilon);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      row.values[e][i] = (row.values[e][i] - mean) * factor;
    }
  }
}

// Clears what lies beyond the row, which must not count as a magnitude.
__device__ __forceinline__ void clearBeyond(Values& row) {
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (!Values::holds(e)) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = 0.0f;
      }
    }
  }
}

// Reads a row; where something is added, writes it back and goes on with what was written. All that
// comes from memory is on its way before anything is written: the compiler cannot know that x and y
// are apart.
__device__ __forceinline__ void readChanged(
    Values& row, void* x, int64 index, const void* y, const float* gates, const int* gated) {
  int64 gate = 0;
  if constexpr (ADDED == 2) {
    gate = static_cast<int64>(gated[index]) * COLUMNS;
  }
  row.read<INPUT>(x, index * COLUMNS);
  if constexpr (ADDED > 0) {
    Values added;
    added.template read<CHANGE>(y, index * COLUMNS);
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        if constexpr (ADDED == 2) {
          float factor[VECTOR];
          load<FLOAT32, VECTOR>(gates, gate + Values::column(e), factor);
#pragma unroll
          for (int i = 0; i < VECTOR; i++) {
            row.values[e][i] += added.values[e][i] * factor[i];
          }
        } else {
#pragma unroll
          for (int i = 0; i < VECTOR; i++) {
            row.values[e][i] += added.values[e][i];
          }
        }
      }
    }
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        store<INPUT, VECTOR>(x, index * COLUMNS + Values::column(e), row.values[e]);
      }
    }
    row.template round<INPUT>();
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) modulatedNorm(
    void* x, const void* y, const float* gates, const int* gated, const int* groups,
    const float* shift, const float* scale, float epsilon, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  int64 index = blockIdx.x;
  int64 group = static_cast<int64>(groups[index]) * COLUMNS;
  Values row;
  readChanged(row, x, index, y, gates, gated);
  normalise(row, epsilon);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      float factor[VECTOR];
      float offset[VECTOR];
      load<FLOAT32, VECTOR>(scale, group + Values::column(e), factor);
      load<FLOAT32, VECTOR>(shift, group + Values::column(e), offset);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = row.values[e][i] * (1.0f + factor[i]) + offset[i];
      }
    }
  }
  clearBeyond(row);
  emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
}

extern "C" __global__ void __launch_bounds__(THREADS) layerNorm(
    void* x, const void* y, const float* gates, const int* gated, const void* weight,
    const void* bias, float epsilon, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  int64 index = blockIdx.x;
  Values row;
  readChanged(row, x, index, y, gates, gated);
  normalise(row, epsilon);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      float factor[VECTOR];
      float offset[VECTOR];
      load<WEIGHT, VECTOR>(weight, Values::column(e), factor);
      load<WEIGHT, VECTOR>(bias, Values::column(e), offset);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = row.values[e][i] * factor[i] + offset[i];
      }
    }
  }
  clearBeyond(row);
  emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
}

extern "C" __global__ void __launch_bounds__(THREADS) rmsNorm(
    const void* x, const void* weight, float epsilon, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  int64 index = blockIdx.x;
  Values row;
  row.read<INPUT>(x, index * COLUMNS);
  float square = reduceBlock<Sum, THREADS, 0>(row.squares(0.0f)) / COLUMNS;
  float length = 1.0f / sqrtf(square + epsilon);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      float factor[VECTOR];
      load<WEIGHT, VECTOR>(weight, Values::column(e), factor);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = row.values[e][i] * length * factor[i];
      }
    }
  }
  emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
}
