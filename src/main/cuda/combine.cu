// The sampler's sum of coefficient times tensor, for 1 to 8 terms in one pass; the target may be one
// of the terms. Constants: VECTOR, TERMS, TARGET (element type), TYPES (two bits a term: its type).
#include "tile.cuh"

constexpr int THREADS = 256;

template <int TERM>
__device__ __forceinline__ void addTerm(
    float (&sum)[VECTOR], const void* term, float coefficient, int64 index) {
  if constexpr (TERM < TERMS) {
    float values[VECTOR];
    load<(TYPES >> (2 * TERM)) & 3, VECTOR>(term, index * VECTOR, values);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      sum[i] += coefficient * values[i];
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) combine(
    void* target, int64 vectors, const void* t0, const void* t1, const void* t2, const void* t3,
    const void* t4, const void* t5, const void* t6, const void* t7, float c0, float c1, float c2,
    float c3, float c4, float c5, float c6, float c7) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < vectors) {
    float sum[VECTOR] = {};
    addTerm<0>(sum, t0, c0, index);
    addTerm<1>(sum, t1, c1, index);
    addTerm<2>(sum, t2, c2, index);
    addTerm<3>(sum, t3, c3, index);
    addTerm<4>(sum, t4, c4, index);
    addTerm<5>(sum, t5, c5, index);
    addTerm<6>(sum, t6, c6, index);
    addTerm<7>(sum, t7, c7, index);
    store<TARGET, VECTOR>(target, index * VECTOR, sum);
  }
}
