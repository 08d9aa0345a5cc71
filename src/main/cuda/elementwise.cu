// Operations on single elements, one thread a vector of VECTOR elements.
//   convert    target = function(source), types and function compiled in; may work in place
//   add        target += source
//   addScaled  a part of a matrix += factor source, whose rows are shorter
//   embedding  rows of a table for int32 ids
//   modulation out[part, group] = table[part] + timestep[group, part or shared], float32
// Constants: VECTOR (divides every count below), SOURCE and TARGET (element types), FUNCTION (an
// activation's number, 0 for none).
#include "tile.cuh"

constexpr int THREADS = 256;

__device__ __forceinline__ int64 vectorIndex() {
  return static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
}

extern "C" __global__ void __launch_bounds__(THREADS) convert(
    const void* source, void* target, int64 vectors) {
  int64 index = vectorIndex();
  if (index < vectors) {
    float values[VECTOR];
    load<SOURCE, VECTOR>(source, index * VECTOR, values);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      values[i] = activate<FUNCTION>(values[i]);
    }
    store<TARGET, VECTOR>(target, index * VECTOR, values);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) add(
    void* target, const void* source, int64 vectors) {
  int64 index = vectorIndex();
  if (index < vectors) {
    float values[VECTOR];
    float change[VECTOR];
    load<TARGET, VECTOR>(target, index * VECTOR, values);
    load<SOURCE, VECTOR>(source, index * VECTOR, change);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      values[i] += change[i];
    }
    store<TARGET, VECTOR>(target, index * VECTOR, values);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) addScaled(
    const void* source, void* target, int columns, int stride, float factor, int64 count) {
  int64 index = vectorIndex();
  if (index < count) {
    int64 row = index / columns;
    int64 to = row * stride + (index - row * columns);
    float change[1];
    float value[1];
    load<SOURCE, 1>(source, index, change);
    load<TARGET, 1>(target, to, value);
    value[0] += factor * change[0];
    store<TARGET, 1>(target, to, value);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) embedding(
    const void* table, const int* ids, void* target, int rowVectors, int64 vectors) {
  int64 index = vectorIndex();
  if (index < vectors) {
    int64 row = index / rowVectors;
    int64 within = index - row * rowVectors;
    float values[VECTOR];
    load<SOURCE, VECTOR>(table, (ids[row] * static_cast<int64>(rowVectors) + within) * VECTOR, values);
    store<TARGET, VECTOR>(target, index * VECTOR, values);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) modulation(
    const float* table, const float* timestep, float* target, int parts, int groups, int dim,
    int shared) {
  int64 index = vectorIndex();
  if (index < static_cast<int64>(parts) * groups * dim) {
    int64 row = index / dim;
    int column = static_cast<int>(index - row * dim);
    int part = static_cast<int>(row / groups);
    int64 group = row - static_cast<int64>(part) * groups;
    int64 from = shared ? group * dim : (group * parts + part) * dim;
    target[index] = table[static_cast<int64>(part) * dim + column] + timestep[from + column];
  }
}
