// How attention turns scores into weights. A thread holds two rows of a tile, as a product leaves them:
// value i belongs to row i / 2 % 2.
// Constants: those of attentionstages.cuh.
#pragma once
#include "attentionloop.cuh"

constexpr int SCORES = KEYS / 2; // of a thread
constexpr float HEADROOM = 8.0f;
constexpr float MOST = 1.152921504606847e18f; // 2^60

// Returns the largest exponent of a row, of the two of a thread.
__device__ __forceinline__ float largest(const float (&scores)[SCORES], int r, float scale) {
  float most = LOWEST;
#pragma unroll
  for (int i = 0; i < SCORES / 2; i++) {
    most = fmaxf(most, scores[i / 2 * 4 + r * 2 + i % 2]);
  }
  return reduceLanes<Largest, 4>(most) * scale;
}

template <int COUNT>
__device__ __forceinline__ void shrink(float (&values)[COUNT], int r, float factor) {
#pragma unroll
  for (int i = 0; i < COUNT / 2; i++) {
    values[i / 2 * 4 + r * 2 + i % 2] *= factor;
  }
}

// Takes references along with the largest scores once those have grown by 2^HEADROOM.
__device__ __forceinline__ void follow(
    const float (&scores)[SCORES], float (&sums)[SUMS], Rows& rows, float scale) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float most = largest(scores, r, scale);
    bool grows = most > rows.reference[r] + HEADROOM;
    float factor = grows ? powerOfTwo(rows.reference[r] - most) : 1.0f;
    rows.reference[r] = grows ? most : rows.reference[r];
    rows.total[r] *= factor;
    shrink(sums, r, factor);
  }
}

// Rounds weights to what the next product takes.
__device__ __forceinline__ void pack(
    unsigned int (&packed)[SCORES / 2], const float (&weights)[SCORES], int group) {
  packed[2 * group] = bfloat16Pair(weights[4 * group], weights[4 * group + 1]);
  packed[2 * group + 1] = bfloat16Pair(weights[4 * group + 2], weights[4 * group + 3]);
}

// Turns scores into weights, packed by the eight keys, so that the conversions of some run beside the
// exponentials of the next.
__device__ __forceinline__ void exponentiate(
    float (&scores)[SCORES], unsigned int (&packed)[SCORES / 2], Rows& rows, float scale) {
#pragma unroll
  for (int group = 0; group < KEYS / 8; group++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      float& weight = scores[4 * group + i];
      weight = powerOfTwo(weight * scale - rows.reference[i / 2]);
      rows.total[i / 2] += weight;
    }
    pack(packed, scores, group);
  }
}

// Brings back totals that have passed 2^60, with the sums and the weights that are still to be added.
__device__ __forceinline__ void watch(
    float (&weights)[SCORES], unsigned int (&packed)[SCORES / 2], float (&sums)[SUMS], Rows& rows) {
  bool isLarge = !(fmaxf(rows.total[0], rows.total[1]) < MOST);
  if (__any_sync(ALL, isLarge)) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float total = reduceLanes<Sum, 4>(rows.total[r]);
      int power = total >= MOST ? static_cast<int>(__float_as_uint(total) >> 23) - 127 : 0;
      power = power < 126 ? power : 126;
      float factor = __uint_as_float(static_cast<unsigned int>(127 - power) << 23);
      rows.reference[r] += static_cast<float>(power);
      rows.total[r] *= factor;
      shrink(weights, r, factor);
      shrink(sums, r, factor);
    }
#pragma unroll
    for (int group = 0; group < KEYS / 8; group++) {
      pack(packed, weights, group);
    }
  }
}
