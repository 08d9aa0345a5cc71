// What follows the linear layers of a block, over rows of COLUMNS columns.
//   gatedAdd   x += y gate[group], in place; x [rows, COLUMNS] of the residual type RESIDUAL, y of type
//              INPUT, gate float32 [groups, COLUMNS]. One thread a vector of
//              four neighbouring rows.
//   gatedGelu  gelu(first half) second half of x [rows, 2 COLUMNS], tanh form, in the consumer's format.
//              One block a row.
// Constants: COLUMNS, VECTOR, THREADS, RESIDUAL, INPUT, OUTPUT (element types), FORMAT.
#include "fp8.cuh"

// Rows that a thread of gatedAdd takes: their loads are all under way before the first is used, and
// the gate is read once for all of them where they share a group.
constexpr int ROWS = 4;

extern "C" __global__ void __launch_bounds__(256) gatedAdd(
    void* x, const void* y, const float* gate, const int* groups, int rows) {
  constexpr int ROW = COLUMNS / VECTOR;
  int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
  int64 piece = index / ROW;
  int column = static_cast<int>(index - piece * ROW) * VECTOR;
  int first = static_cast<int>(piece) * ROWS;
  float old[ROWS][VECTOR];
  float change[ROWS][VECTOR];
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    if (first + r < rows) {
      int64 at = static_cast<int64>(first + r) * COLUMNS + column;
      load<RESIDUAL, VECTOR>(x, at, old[r]);
      load<INPUT, VECTOR>(y, at, change[r]);
    }
  }
  float factor[VECTOR];
  int held = -1;
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    if (first + r < rows) {
      int group = groups[first + r];
      if (group != held) {
        held = group;
        load<FLOAT32, VECTOR>(gate, static_cast<int64>(group) * COLUMNS + column, factor);
      }
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        old[r][i] += change[r][i] * factor[i];
      }
      store<RESIDUAL, VECTOR>(x, static_cast<int64>(first + r) * COLUMNS + column, old[r]);
    }
  }
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
