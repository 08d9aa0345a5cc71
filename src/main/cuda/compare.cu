// For each row of two tensors [rows, COLUMNS]: the squared lengths of both and their product, as three
// float32 a row, from which the host takes means in a fixed order. One block a row.
// Constants: COLUMNS, VECTOR, THREADS, CURRENT and PREVIOUS (element types).
#include "reduce.cuh"
#include "tile.cuh"

extern "C" __global__ void __launch_bounds__(THREADS) compareRows(
    const void* current, const void* previous, float* result) {
  int64 row = blockIdx.x;
  float product = 0.0f;
  float here = 0.0f;
  float before = 0.0f;
  for (int column = threadIdx.x * VECTOR; column < COLUMNS; column += THREADS * VECTOR) {
    float a[VECTOR];
    float b[VECTOR];
    load<CURRENT, VECTOR>(current, row * COLUMNS + column, a);
    load<PREVIOUS, VECTOR>(previous, row * COLUMNS + column, b);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      product += a[i] * b[i];
      here += a[i] * a[i];
      before += b[i] * b[i];
    }
  }
  product = reduceBlock<Sum, THREADS, 0>(product);
  here = reduceBlock<Sum, THREADS, 1>(here);
  before = reduceBlock<Sum, THREADS, 2>(before);
  if (threadIdx.x == 0) {
    result[row * 3] = here;
    result[row * 3 + 1] = before;
    result[row * 3 + 2] = product;
  }
}
