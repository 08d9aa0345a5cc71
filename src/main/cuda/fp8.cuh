// How a row leaves a kernel: as it is, or as E4M3 with the scale that a recipe asks for.
// The arithmetic of scales is Transformer Engine's (NVIDIA/TransformerEngine d0067d0,
// transformer_engine/common/recipe/recipe_common.cuh): scale = 448 / amax multiplies, its inverse
// goes to the matrix product; an amax of zero or infinity gives scale 1, and a scale that overflows
// becomes the largest number of the source type.
#pragma once
#include "reduce.cuh"
#include "tile.cuh"

// The numbers by which the host half names the formats of rows (RowFormat.java).
constexpr int ROW_PLAIN = 0;
constexpr int ROW_NOTED = 1;
constexpr int ROW_TOKEN = 2;
constexpr int ROW_BLOCK = 3;
constexpr int ROW_DELAYED = 4;

constexpr int BLOCK = 128;

// Returns the scale that brings a magnitude to `most`, the largest number of what is quantised to.
__device__ __forceinline__ float scaleTo(float most, float amax, float largestScale = 3.402823466e38f) {
  if (amax == 0.0f || !(amax <= 3.402823466e38f)) {
    return 1.0f;
  }
  float scale = __fdiv_rn(most, amax);
  return scale > 3.402823466e38f ? largestScale : scale;
}

template <bool POWER_OF_TWO, int SOURCE>
__device__ __forceinline__ float scaleOf(float amax) {
  float scale = scaleTo(448.0f, amax, __uint_as_float(SOURCE == BFLOAT16 ? 0x7F7F0000u : 0x7F7FFFFFu));
  if constexpr (POWER_OF_TWO) {
    scale = __uint_as_float(__float_as_uint(scale) & 0xFF800000u);
  }
  return scale;
}

// Where a row goes. Inverse scales of blocks lie block-major, `[columns / 128, stride]`, as cuBLASLt
// reads them; those of tokens lie one after the other. `largest` takes one number a row (in attention, a
// warp) where the format notes magnitudes; `state` holds the known scale of delayed scaling as its first
// number.
struct RowTarget {
  void* values;
  float* inverse;
  float* largest;
  const float* state;
  int stride;
};

// Writes a row; `TYPE` is the type of plain elements and `SOURCE` the type that the values had before.
template <int FORMAT, int TYPE, int SOURCE, int COLUMNS, int VECTOR, int THREADS>
__device__ __forceinline__ void emit(
    Row<COLUMNS, VECTOR, THREADS>& row, int64 index, const RowTarget& target) {
  using R = Row<COLUMNS, VECTOR, THREADS>;
  int64 start = index * COLUMNS;
  if constexpr (FORMAT == ROW_NOTED) {
    row.template round<TYPE>(); // what is quantised later is what is noted
  }
  if constexpr (FORMAT == ROW_NOTED || FORMAT == ROW_DELAYED) {
    float amax = reduceBlock<Largest, THREADS, 3>(row.largest());
    if (threadIdx.x == 0) {
      target.largest[index] = amax;
    }
  }
  if constexpr (FORMAT == ROW_PLAIN || FORMAT == ROW_NOTED) {
#pragma unroll
    for (int e = 0; e < R::EACH; e++) {
      if (R::holds(e)) {
        store<TYPE, VECTOR>(target.values, start + R::column(e), row.values[e]);
      }
    }
  } else {
    float scale = 1.0f;
    if constexpr (FORMAT == ROW_DELAYED) {
      scale = target.state[0];
    } else if constexpr (FORMAT == ROW_TOKEN) {
      scale = scaleOf<false, FLOAT32>(reduceBlock<Largest, THREADS, 3>(row.largest()));
      if (threadIdx.x == 0) {
        target.inverse[index] = __fdiv_rn(1.0f, scale);
      }
    }
#pragma unroll
    for (int e = 0; e < R::EACH; e++) {
      if constexpr (FORMAT == ROW_BLOCK) {
        static_assert(BLOCK % VECTOR == 0 && BLOCK / VECTOR <= 32, "a block must fit a warp");
        float amax = 0.0f;
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          amax = fmaxf(amax, fabsf(row.values[e][i]));
        }
        scale = scaleOf<true, SOURCE>(reduceLanes<Largest, BLOCK / VECTOR>(amax));
        if (R::holds(e) && R::column(e) % BLOCK == 0) {
          target.inverse[static_cast<int64>(R::column(e) / BLOCK) * target.stride + index] =
              __fdiv_rn(1.0f, scale);
        }
      }
      if (R::holds(e)) {
        float scaled[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          scaled[i] = __fmul_rn(row.values[e][i], scale);
        }
        store<E4M3, VECTOR>(target.values, start + R::column(e), scaled);
      }
    }
  }
}
