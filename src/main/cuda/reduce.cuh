// Sums and maxima over warps and thread blocks, in a fixed order: the same input gives the same bits.
#pragma once

struct Sum {
  static constexpr float NEUTRAL = 0.0f;
  __device__ __forceinline__ static float join(float a, float b) { return a + b; }
};

struct Largest {
  static constexpr float NEUTRAL = -3.402823466e38f;
  __device__ __forceinline__ static float join(float a, float b) { return fmaxf(a, b); }
};

// Reduces over groups of LANES neighbouring lanes; every lane gets the result.
template <class Operation, int LANES = 32>
__device__ __forceinline__ float reduceLanes(float value) {
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2) {
    value = Operation::join(value, __shfl_xor_sync(0xFFFFFFFFu, value, distance));
  }
  return value;
}

// Reduces over a block of THREADS threads; every thread gets the result. `SLOT` names the shared
// words: calls that follow each other without a barrier between them take different slots.
template <class Operation, int THREADS, int SLOT = 0>
__device__ __forceinline__ float reduceBlock(float value) {
  value = reduceLanes<Operation>(value);
  if constexpr (THREADS > 32) {
    constexpr int WARPS = THREADS / 32;
    __shared__ float partial[WARPS];
    if (threadIdx.x % 32 == 0) {
      partial[threadIdx.x / 32] = value;
    }
    __syncthreads();
    int lane = threadIdx.x % 32;
    value = reduceLanes<Operation>(lane < WARPS ? partial[lane] : Operation::NEUTRAL);
  }
  return value;
}
