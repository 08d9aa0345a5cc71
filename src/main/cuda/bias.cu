// What a matrix product or convolution could not do itself, over rows [rows, COLUMNS]:
// target = function(x + bias) + addend, where target may be x or addend; rows of x may be longer. One
// thread a vector. Constants: COLUMNS, STRIDE (of rows of x), VECTOR, TYPE (of x, addend and target), BIAS
// (type of the bias), FUNCTION (an activation's number or 0), ADDED (whether there is an addend).
#include "tile.cuh"

constexpr int THREADS = 256;

extern "C" __global__ void __launch_bounds__(THREADS) addBias(
    const void* x, const void* bias, const void* addend, void* target, int64 vectors) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < vectors) {
    constexpr int ROW = COLUMNS / VECTOR;
    int64 row = index / ROW;
    int column = static_cast<int>(index - row * ROW) * VECTOR;
    float values[VECTOR];
    float offset[VECTOR];
    load<TYPE, VECTOR>(x, row * STRIDE + column, values);
    load<BIAS, VECTOR>(bias, column, offset);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      values[i] = activate<FUNCTION>(values[i] + offset[i]);
    }
    if constexpr (ADDED) {
      load<TYPE, VECTOR>(addend, index * VECTOR, offset);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values[i] += offset[i];
      }
    }
    store<TYPE, VECTOR>(target, index * VECTOR, values);
  }
}
