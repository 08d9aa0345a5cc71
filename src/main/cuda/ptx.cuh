// Inline PTX of the kernels: everything that CUDA C++ has no word for without the toolkit's headers.
#pragma once

// Two float32 values as two E4M3 bytes, nearest even, saturating at 448, NaN stays NaN; the first
// value becomes the lower byte.
__device__ __forceinline__ unsigned short e4m3Pair(float first, float second) {
  unsigned short packed;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(packed) : "f"(second), "f"(first));
  return packed;
}

// Two float32 values as two bfloat16, nearest even; the first value becomes the lower half.
__device__ __forceinline__ unsigned int bfloat16Pair(float first, float second) {
  unsigned int packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(second), "f"(first));
  return packed;
}

// One float32 value as IEEE half bits and back.
__device__ __forceinline__ unsigned short halfBits(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

__device__ __forceinline__ float fromHalfBits(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// Two E4M3 bytes as two IEEE halves, exactly.
__device__ __forceinline__ unsigned int halvesOfE4m3Pair(unsigned short pair) {
  unsigned int halves;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(pair));
  return halves;
}
