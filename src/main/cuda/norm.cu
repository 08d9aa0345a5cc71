// Norms over rows [rows, COLUMNS], each row read and written once: it lies in registers, mean and
// variance are taken there in two steps (no cancellation), and it leaves in the format that the
// consumer wants.
//   modulatedNorm  layerNorm(x) (1 + scale[group]) + shift[group]
//   layerNorm      layerNorm(x) weight + bias
//   rmsNorm        x / rms(x) weight
// Constants: COLUMNS, VECTOR (elements an access, 16 bytes of bf16), THREADS, INPUT, WEIGHT and OUTPUT
// (element types), FORMAT. A block takes neighbouring rows one after the other: it reads the next row
// while it works on one, and keeps factors and offsets in registers, because read again for each row
// (40 KB beside a row's 30 KB at 5,120 columns) they took more of the cache's bandwidth than the rows.
#include "fp8.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

// The rows of this block: `first` to below `last`.
struct Span {
  int first;
  int last;

  __device__ __forceinline__ explicit Span(int rows) {
    int each = (rows + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
    first = static_cast<int>(blockIdx.x) * each;
    last = first + each < rows ? first + each : rows;
  }
};

__device__ __forceinline__ void centre(Values& row, float epsilon) {
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

// row = row factor + offset; what lies beyond the row becomes 0, which counts as no magnitude.
__device__ __forceinline__ void transform(Values& row, const Values& factor, const Values& offset) {
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      row.values[e][i] =
          Values::holds(e) ? row.values[e][i] * factor.values[e][i] + offset.values[e][i] : 0.0f;
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) modulatedNorm(
    const void* x, const float* shift, const float* scale, const int* groups, float epsilon, int rows,
    void* values, float* inverse, float* largest, const float* state, int stride) {
  Span span(rows);
  Values factor;
  Values offset;
  Values next;
  int held = -1;
  if (span.first < span.last) {
    next.read<INPUT>(x, static_cast<int64>(span.first) * COLUMNS);
  }
  for (int index = span.first; index < span.last; index++) {
    Values row = next;
    if (index + 1 < span.last) {
      next.read<INPUT>(x, static_cast<int64>(index + 1) * COLUMNS);
    }
    int group = groups[index];
    if (group != held) {
      held = group;
      factor.read<FLOAT32>(scale, static_cast<int64>(group) * COLUMNS);
      offset.read<FLOAT32>(shift, static_cast<int64>(group) * COLUMNS);
#pragma unroll
      for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          factor.values[e][i] += 1.0f;
        }
      }
    }
    centre(row, epsilon);
    transform(row, factor, offset);
    emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
    __syncthreads(); // the next row's sums go to the same shared words
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) layerNorm(
    const void* x, const void* weight, const void* bias, float epsilon, int rows, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  Span span(rows);
  Values factor;
  Values offset;
  Values next;
  if (span.first < span.last) {
    next.read<INPUT>(x, static_cast<int64>(span.first) * COLUMNS);
    factor.read<WEIGHT>(weight, 0);
    offset.read<WEIGHT>(bias, 0);
  }
  for (int index = span.first; index < span.last; index++) {
    Values row = next;
    if (index + 1 < span.last) {
      next.read<INPUT>(x, static_cast<int64>(index + 1) * COLUMNS);
    }
    centre(row, epsilon);
    transform(row, factor, offset);
    emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
    __syncthreads(); // the next row's sums go to the same shared words
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) rmsNorm(
    const void* x, const void* weight, float epsilon, int rows, void* values, float* inverse,
    float* largest, const float* state, int stride) {
  Span span(rows);
  Values factor;
  Values next;
  if (span.first < span.last) {
    next.read<INPUT>(x, static_cast<int64>(span.first) * COLUMNS);
    factor.read<WEIGHT>(weight, 0);
  }
  for (int index = span.first; index < span.last; index++) {
    Values row = next;
    if (index + 1 < span.last) {
      next.read<INPUT>(x, static_cast<int64>(index + 1) * COLUMNS);
    }
    float square = reduceBlock<Sum, THREADS, 0>(row.squares(0.0f)) / COLUMNS;
    float length = 1.0f / sqrtf(square + epsilon);
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] *= length * factor.values[e][i];
      }
    }
    emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
    __syncthreads(); // the next row's sums go to the same shared words
  }
}
