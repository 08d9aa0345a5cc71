// How attention with 8-bit queries and keys turns scores into weights: int32 sums of int8 products, or
// float32 ones of E4M3, times a scale of the query's row and one of each GROUP keys. Scores and weights
// share a thread's registers, value i of row i / 2 % 2.
//
// Weights as bfloat16 have float32's range, and only totals are watched (attentionweights.cuh). As E4M3
// they must stay below 448: a row begins with its largest weight at 2^BEGINNING, and where one would be
// rounded to 448 or beyond, the largest comes to RETURN. Both leave room above them, since bringing rows
// back costs as much as the exponentials of a tile.
// Constants: those of attentionstages.cuh, GROUP, IS_INTEGER (queries and keys), IS_WIDE (values).
#pragma once
#include "attentionstages.cuh"

template <bool INTEGER>
struct ScoreOf {
  using Type = float;
};
template <>
struct ScoreOf<true> {
  using Type = int;
};
using Score = ScoreOf<IS_INTEGER>::Type;

__device__ constexpr int commonDivisor(int a, int b) { return b == 0 ? a : commonDivisor(b, a % b); }

constexpr int SCORES = KEYS / 2; // of a thread
constexpr int WEIGHTS = IS_WIDE ? SCORES / 2 : SCORES / 4; // words
constexpr int PIECE = commonDivisor(KEYS, GROUP); // keys of a tile with a scale in common
constexpr int SCALES = KEYS / PIECE;
constexpr float BEGINNING = IS_WIDE ? 0.0f : 5.700439718f; // the exponent of 52, one of E4M3's numbers
constexpr float RETURN = 208.0f; // another
constexpr float RETURN_EXPONENT = 7.700439718f;
constexpr float HEADROOM = IS_WIDE ? 8.0f : 3.0f; // 2^3 times 52 is 416, the last number but one
constexpr float MOST = 1.152921504606847e18f; // 2^60
constexpr float LOWEST = -3.402823466e38f;
constexpr int LOWEST_INTEGER = -(1 << 22); // no sum of 128 products comes to half of it

// 1.5 x 2^23, behind which an integer above LOWEST_INTEGER is added to the bits: a float32 number in one
// integer addition, where a conversion would hold up the unit of the exponentials.
constexpr float SHIFT = 12582912.0f;
constexpr int SHIFT_BITS = 0x4B400000;

__device__ __forceinline__ float number(int score) { return static_cast<float>(score); }
__device__ __forceinline__ float number(float score) { return score; }
__device__ __forceinline__ float shifted(int score) { return __int_as_float(score + SHIFT_BITS); }
__device__ __forceinline__ float shifted(float score) { return score; }
__device__ __forceinline__ float bits(int score) { return __int_as_float(score); }
__device__ __forceinline__ float bits(float score) { return score; }
__device__ __forceinline__ void put(int& score, float weight) { score = __float_as_int(weight); }
__device__ __forceinline__ void put(float& score, float weight) { score = weight; }

// What brings a thread's scores to exponents of two.
struct Scales {
  float query[2];
  float key[SCALES];

  // Returns which group of keys a piece of a tile is of.
  __device__ __forceinline__ static int group(int tile, int piece) {
    return KEYS % GROUP == 0 ? tile * SCALES + piece : (tile * KEYS + piece * PIECE) / GROUP;
  }

  // Reads those of a tile's keys here and not later: the other warpgroups wait while this one asks for
  // products.
  __device__ __forceinline__ void load(const float* keys, int tile) {
    const float* first = keys + group(tile, 0);
#pragma unroll
    for (int i = 0; i < SCALES; i++) {
      key[i] = loadHere(KEYS % GROUP == 0 ? first + i : keys + group(tile, i));
    }
  }
};

// Returns the largest exponent of a row, of the two of a thread; scales are positive.
__device__ __forceinline__ float largest(const Score (&scores)[SCORES], int r, const Scales& scales) {
  float most = LOWEST;
#pragma unroll
  for (int eight = 0; eight < KEYS / 8; eight++) {
    Score first = scores[4 * eight + 2 * r];
    Score second = scores[4 * eight + 2 * r + 1];
    most = fmaxf(most, number(first > second ? first : second) * scales.key[eight * 8 / PIECE]);
  }
  return reduceLanes<Largest, 4>(most) * scales.query[r];
}

template <int COUNT>
__device__ __forceinline__ void shrink(float (&values)[COUNT], int r, float factor) {
#pragma unroll
  for (int i = 0; i < COUNT / 2; i++) {
    values[i / 2 * 4 + r * 2 + i % 2] *= factor;
  }
}

// What later sums are relative to what was summed before them, of the two rows of a thread: sums of E4M3
// products that wait elsewhere are brought along only when the next are added to them.
struct Lag {
  float factor[2];
};

// What a thread sums over the keys: weighted values and, with E4M3 weights, the weights themselves as they
// were rounded, in a further product with ones: two neighbours in `counts` are what a row has in two of eight
// columns.
struct Sums {
  float values[SUMS];
  float counts[4];

  __device__ __forceinline__ float count(int r) const { return counts[2 * r] + counts[2 * r + 1]; }
};

__device__ __forceinline__ void shrink(Sums& sums, Rows& rows, Lag& lag, int r, float factor) {
  shrink(sums.values, r, factor);
  if constexpr (IS_WIDE) {
    rows.total[r] *= factor;
  } else {
    shrink(sums.counts, r, factor);
    lag.factor[r] *= factor;
  }
}

// Takes references along with the largest scores once those have grown by 2^HEADROOM.
__device__ __forceinline__ void follow(
    const Score (&scores)[SCORES], Sums& sums, Rows& rows, Lag& lag, const Scales& scales) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float most = largest(scores, r, scales) - BEGINNING;
    bool grows = most > rows.reference[r] + HEADROOM;
    float factor = grows ? powerOfTwo(rows.reference[r] - most) : 1.0f;
    rows.reference[r] = grows ? most : rows.reference[r];
    shrink(sums, rows, lag, r, factor);
  }
}

// Rounds the weights of sixteen keys to what the next product takes.
__device__ __forceinline__ void pack(
    unsigned int (&packed)[WEIGHTS], const Score (&weights)[SCORES], int sixteen) {
  auto weight = [&](int i) { return bits(weights[8 * sixteen + i]); };
  if constexpr (IS_WIDE) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      packed[4 * sixteen + i] = bfloat16Pair(weight(2 * i), weight(2 * i + 1));
    }
  } else {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      packed[sixteen / 2 * 4 + sixteen % 2 * 2 + r] =
          e4m3Pair(weight(2 * r), weight(2 * r + 1)) |
          e4m3Pair(weight(4 + 2 * r), weight(5 + 2 * r)) << 16;
    }
  }
}

__device__ __forceinline__ void pack(unsigned int (&packed)[WEIGHTS], const Score (&weights)[SCORES]) {
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
    pack(packed, weights, sixteen);
  }
}

// Turns the scores of sixteen keys into weights.
__device__ __forceinline__ void exponentiate(
    Score (&scores)[SCORES], Rows& rows, const Scales& scales, int sixteen) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    int r = i / 2 % 2;
    Score& place = scores[8 * sixteen + i];
    float scale = scales.query[r] * scales.key[sixteen * 16 / PIECE];
    float weight = powerOfTwo(
        shifted(place) * scale -
        (IS_INTEGER ? SHIFT * scale + rows.reference[r] : rows.reference[r]));
    if constexpr (IS_WIDE) {
      rows.total[r] += weight;
    }
    put(place, weight);
  }
}

__device__ __forceinline__ void exponentiate(
    Score (&scores)[SCORES], Rows& rows, const Scales& scales) {
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
    exponentiate(scores, rows, scales, sixteen);
  }
}

// Turns scores into weights, packed sixteen by sixteen, so that the conversions of some run beside the
// exponentials of the next.
__device__ __forceinline__ void exponentiate(
    Score (&scores)[SCORES], unsigned int (&packed)[WEIGHTS], Rows& rows, const Scales& scales) {
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
    exponentiate(scores, rows, scales, sixteen);
    pack(packed, scores, sixteen);
  }
}

// Takes away the weights of keys that are not there, from `left` on.
__device__ __forceinline__ void takeBack(
    Score (&weights)[SCORES], unsigned int (&packed)[WEIGHTS], Rows& rows, int left) {
#pragma unroll
  for (int i = 0; i < SCORES; i++) {
    if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
      if constexpr (IS_WIDE) {
        rows.total[i / 2 % 2] -= bits(weights[i]);
      }
      put(weights[i], 0.0f);
    }
  }
  pack(packed, weights);
}

// Says whether any row of the warp has weights that are too large for what they are packed to.
__device__ __forceinline__ bool isFull(const unsigned int (&packed)[WEIGHTS], const Rows& rows) {
  if constexpr (IS_WIDE) {
    return __any_sync(ALL, !(fmaxf(rows.total[0], rows.total[1]) < MOST));
  } else {
    unsigned int full = 0;
#pragma unroll
    for (int i = 0; i < WEIGHTS; i++) {
      full |= packed[i] + 0x02020202u; // 448 and NaN set the uppermost bit of a byte
    }
    return __any_sync(ALL, (full & 0x80808080u) != 0);
  }
}

// Brings references of rows that are full to where their weights are not, and the sums along.
__device__ __forceinline__ void bringBack(
    Score (&weights)[SCORES], unsigned int (&packed)[WEIGHTS], Sums& sums, Rows& rows, Lag& lag) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float factor = 1.0f;
    if constexpr (IS_WIDE) {
      float total = reduceLanes<Sum, 4>(rows.total[r]);
      int power = total >= MOST ? static_cast<int>(__float_as_uint(total) >> 23) - 127 : 0;
      power = power < 126 ? power : 126;
      factor = __uint_as_float(static_cast<unsigned int>(127 - power) << 23);
      rows.reference[r] += static_cast<float>(power);
    } else {
      float most = 0.0f;
#pragma unroll
      for (int i = 0; i < SCORES / 2; i++) {
        most = fmaxf(most, bits(weights[i / 2 * 4 + r * 2 + i % 2]));
      }
      most = reduceLanes<Largest, 4>(most);
      bool isAbove = most > RETURN;
      factor = isAbove ? __fdividef(RETURN, most) : 1.0f; // 0 of infinity: such a work is done again
      rows.reference[r] += isAbove ? __log2f(most) - RETURN_EXPONENT : 0.0f;
    }
    shrink(sums, rows, lag, r, factor);
#pragma unroll
    for (int i = 0; i < SCORES / 2; i++) {
      Score& weight = weights[i / 2 * 4 + r * 2 + i % 2];
      put(weight, bits(weight) * factor);
    }
  }
  pack(packed, weights);
}
