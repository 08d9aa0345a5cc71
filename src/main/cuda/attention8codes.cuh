// How the rows of heads become codes of 8-bit attention: int8 or E4M3, whose largest is 127 or 448.
#pragma once
#include "fp8.cuh"

constexpr int CODES = 8; // of a thread, neighbours in a row

template <bool INTEGER>
constexpr float MOST_CODE = INTEGER ? 127.0f : 448.0f;

__device__ __forceinline__ unsigned int integerCode(float value) {
  int code = __float2int_rn(value);
  code = code < -127 ? -127 : code > 127 ? 127 : code;
  return static_cast<unsigned int>(code) & 0xFF;
}

// Stores numbers that their scales have brought into range.
template <bool INTEGER>
__device__ __forceinline__ void storeCodes(void* base, int64 index, const float (&values)[CODES]) {
  if constexpr (INTEGER) {
    unsigned int words[2] = {};
#pragma unroll
    for (int i = 0; i < CODES; i++) {
      words[i / 4] |= integerCode(values[i]) << 8 * (i % 4);
    }
    *reinterpret_cast<uint2*>(static_cast<unsigned char*>(base) + index) = make_uint2(words[0], words[1]);
  } else {
    store<E4M3, CODES>(base, index, values);
  }
}

// The sum of the four codes of a word.
template <bool INTEGER>
__device__ __forceinline__ float sumOfCodes(unsigned int word) {
  if constexpr (INTEGER) {
    return static_cast<float>(__dp4a(static_cast<int>(word), 0x01010101, 0));
  } else {
    unsigned int lower = halvesOfE4m3Pair(static_cast<unsigned short>(word));
    unsigned int upper = halvesOfE4m3Pair(static_cast<unsigned short>(word >> 16));
    return fromHalfBits(static_cast<unsigned short>(lower)) +
        fromHalfBits(static_cast<unsigned short>(lower >> 16)) +
        fromHalfBits(static_cast<unsigned short>(upper)) +
        fromHalfBits(static_cast<unsigned short>(upper >> 16));
  }
}

// Quantises CODES neighbours of a row of a head whose largest magnitude is `amax`; `scale`, where it is
// given, takes the inverse of the row's scale.
template <bool INTEGER>
__device__ __forceinline__ void quantizeRow(
    const float (&values)[CODES], float amax, void* codes, int64 index, float* scale) {
  float factor = scaleTo(MOST_CODE<INTEGER>, amax);
  float scaled[CODES];
#pragma unroll
  for (int i = 0; i < CODES; i++) {
    scaled[i] = __fmul_rn(values[i], factor);
  }
  storeCodes<INTEGER>(codes, index, scaled);
  if (scale != nullptr) {
    *scale = __fdiv_rn(1.0f, factor);
  }
}
