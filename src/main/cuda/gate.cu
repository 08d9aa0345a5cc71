// What follows the linear layers of a block, over rows of COLUMNS columns.
//   gatedAdd   x += y gate[group], in place; x [rows, COLUMNS] of the residual type RESIDUAL, y of type
//              INPUT, gate float32 [groups, COLUMNS]. One thread a vector.
//   gatedGelu  gelu(first half) second half of x [rows, 2 COLUMNS], tanh form, in the consumer's format.
//              One block a row.
// Constants: COLUMNS, VECTOR, THREADS, RESIDUAL, INPUT, OUTPUT (element types), FORMAT.
#include "fp8.cuh"

extern "C" __global__ void __launch_bounds__(256) gatedAdd(
    void* x, const void* y, const float* gate, const int* groups, int64 vectors) {
  constexpr int ROW = COLUMNS / VECTOR;
  int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
  if (index >= vectors) {
    return;
  }
  int64 row = index / ROW;
  int column = static_cast<int>(index - row * ROW) * VECTOR;
  float old[VECTOR];
  float change[VECTOR];
  float factor[VECTOR];
  load<RESIDUAL, VECTOR>(x, index * VECTOR, old);
  load<INPUT, VECTOR>(y, index * VECTOR, change);
  load<FLOAT32, VECTOR>(gate, static_cast<int64>(groups[row]) * COLUMNS + column, factor);
#pragma unroll
  for (int i = 0; i < VECTOR; i++) {
    old[i] += change[i] * factor[i];
  }
  store<RESIDUAL, VECTOR>(x, index * VECTOR, old);
}

extern "C" __global__ void __launch_bounds__(THREADS) gatedGelu(
    const void* x, void* values, float* inverse, float* largest, const float* state, int stride) {
  using Values = Row<COLUMNS, VECTOR, THREADS>;
  int64 index = blockIdx.x;
  Values row;
  row.read<INPUT>(x, index * 2 * COLUMNS);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      float factor[VECTOR];
      load<INPUT, VECTOR>(x, (index * 2 + 1) * COLUMNS + Values::column(e), factor);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = geluTanh(row.values[e][i]) * factor[i];
      }
    }
  }
  emit<FORMAT, OUTPUT, FLOAT32>(row, index, {values, inverse, largest, state, stride});
}
