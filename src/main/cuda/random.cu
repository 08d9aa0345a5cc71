// Pseudo-random values in place of weights: element i is mean + factor * (the centred sum of four
// 16-bit numbers that SplitMix64 makes of seed + i), as RandomSource.java computes it.
// Constants: VECTOR (divides the count), TARGET (element type).
#include "tile.cuh"

constexpr int THREADS = 256;

__device__ __forceinline__ float randomValue(unsigned long long counter, float mean, float factor) {
  unsigned long long z = counter * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  int sum = static_cast<int>(z & 0xFFFF) + static_cast<int>(z >> 16 & 0xFFFF) +
            static_cast<int>(z >> 32 & 0xFFFF) + static_cast<int>(z >> 48);
  return fmaf(static_cast<float>(sum - 2 * 65535), factor, mean);
}

extern "C" __global__ void __launch_bounds__(THREADS) fillRandom(
    void* target, int64 vectors, int64 seed, float mean, float factor) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < vectors) {
    float values[VECTOR];
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      values[i] = randomValue(static_cast<unsigned long long>(seed + index * VECTOR + i), mean, factor);
    }
    store<TARGET, VECTOR>(target, index * VECTOR, values);
  }
}
