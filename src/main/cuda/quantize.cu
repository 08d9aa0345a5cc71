// E4M3 elements of a tensor [rows, COLUMNS] that its producer left as it was.
//   quantizeRows    a scale a row, a scale a 1 x 128 piece, or the known scale of delayed scaling, after
//                   a bias and an activation where the matrix product could not do them; one block a row
//   rowLargest      the largest magnitude of each row, the first step to a tensor's own scale
//   currentScale    scale and inverse of a tensor from its rows' largest magnitudes
//   delayedScale    the same from a history, which it rolls (NVIDIA/TransformerEngine d0067d0,
//                   common/recipe/delayed_scaling.cu:138-217: an all-zero step neither rolls nor
//                   updates, an infinite one freezes the scale)
//   quantizeTensor  E4M3 elements by the scale in `state`
//   dequantizeRows  the numbers that E4M3 rows stand for, where FORMAT tells how their scales lie
//   fitRows         rows of another length, cut or with zeros behind them; the bits as they are
//   quantizeSquares a power-of-two scale for each 128 x 128 piece of a weight
// Constants: COLUMNS, VECTOR, THREADS, INPUT and OUTPUT (element types), FORMAT, FUNCTION (an activation's
// number or 0), BIASED (whether a bias of the input's type is added).
// A state is float32: scale, inverse, largest magnitude, 0, then a history of HISTORY magnitudes whose
// first is the newest.
#include "fp8.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

constexpr int HISTORY = 16;

// Blocks whose threads do not fit a warp are only ever turned back, by dequantizeRows.
constexpr int WRITTEN = FORMAT == ROW_BLOCK && BLOCK / VECTOR > 32 ? ROW_PLAIN : FORMAT;

extern "C" __global__ void __launch_bounds__(THREADS) quantizeRows(
    const void* x, const void* bias, void* values, float* inverse, float* largest,
    const float* state, int stride) {
  int64 index = blockIdx.x;
  Values row;
  row.read<INPUT>(x, index * COLUMNS);
  if constexpr (BIASED || FUNCTION != 0) {
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        float offset[VECTOR] = {};
        if constexpr (BIASED) {
          load<INPUT, VECTOR>(bias, Values::column(e), offset);
        }
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          row.values[e][i] = activate<FUNCTION>(row.values[e][i] + offset[i]);
        }
      }
    }
  }
  emit<WRITTEN, OUTPUT, INPUT>(row, index, {values, inverse, largest, state, stride});
}

extern "C" __global__ void __launch_bounds__(THREADS) rowLargest(const void* x, float* largest) {
  int64 index = blockIdx.x;
  Values row;
  row.read<INPUT>(x, index * COLUMNS);
  float amax = reduceBlock<Largest, THREADS>(row.largest());
  if (threadIdx.x == 0) {
    largest[index] = amax;
  }
}

// The largest of many numbers, by one block of 1,024 threads.
__device__ __forceinline__ float largestOf(const float* numbers, int count) {
  float most = 0.0f;
  for (int i = threadIdx.x; i < count; i += 1024) {
    most = fmaxf(most, numbers[i]);
  }
  return reduceBlock<Largest, 1024, 1>(most);
}

extern "C" __global__ void __launch_bounds__(1024) currentScale(
    const float* largest, int rows, float* state) {
  float amax = largestOf(largest, rows);
  if (threadIdx.x == 0) {
    float scale = scaleOf<false, FLOAT32>(amax);
    state[0] = scale;
    state[1] = __fdiv_rn(1.0f, scale);
    state[2] = amax;
  }
}

// `used` takes the inverse of the scale that the elements were quantised with.
extern "C" __global__ void __launch_bounds__(1024) delayedScale(
    const float* largest, int rows, float* state, float* used) {
  float amax = largestOf(largest, rows);
  if (threadIdx.x == 0) {
    used[0] = state[1];
    state[2] = amax;
    if (amax != 0.0f) {
      float* history = state + 4;
      float most = amax;
      for (int i = HISTORY - 1; i > 0; i--) {
        history[i] = history[i - 1];
        most = fmaxf(most, history[i]);
      }
      history[0] = amax;
      if (most <= 3.402823466e38f) {
        float scale = scaleOf<false, FLOAT32>(most);
        state[0] = scale;
        state[1] = __fdiv_rn(1.0f, scale);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) quantizeTensor(
    const void* x, void* target, const float* state, int64 vectors) {
  int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
  if (index < vectors) {
    float scale = state[0];
    float values[VECTOR];
    load<INPUT, VECTOR>(x, index * VECTOR, values);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      values[i] = __fmul_rn(values[i], scale);
    }
    store<E4M3, VECTOR>(target, index * VECTOR, values);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) dequantizeRows(
    const void* x, const float* inverse, void* target, int stride) {
  int64 index = blockIdx.x;
  Values row;
  row.read<E4M3>(x, index * COLUMNS);
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      int column = Values::column(e);
      int64 scale = FORMAT == ROW_BLOCK ? static_cast<int64>(column / BLOCK) * stride + index
                                        : FORMAT == ROW_TOKEN ? index : 0;
      float factor = inverse[scale];
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        row.values[e][i] = __fmul_rn(row.values[e][i], factor);
      }
      store<OUTPUT, VECTOR>(target, index * COLUMNS + column, row.values[e]);
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) fitRows(
    const void* source, void* target, int from, int to, int64 count) {
  int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
  if (index < count) {
    int64 row = index / to;
    int64 column = index - row * to;
    Packet<INPUT, 1> packet = {};
    if (column < from) {
      packet.load(source, row * from + column);
    }
    packet.store(target, index);
  }
}

// One block of 128 threads a piece; the grid is [pieces along columns, pieces along rows]. Scales
// lie [pieces along rows, stride], column pieces fastest, as cuBLASLt reads them.
extern "C" __global__ void __launch_bounds__(128) quantizeSquares(
    const void* x, void* target, float* inverse, int rows, int stride) {
  int64 first = static_cast<int64>(blockIdx.y) * BLOCK;
  int column = blockIdx.x * BLOCK + threadIdx.x;
  int last = static_cast<int>(rows - first < BLOCK ? rows - first : BLOCK);
  float amax = 0.0f;
  float value[1];
  if (column < COLUMNS) {
    for (int r = 0; r < last; r++) {
      load<INPUT, 1>(x, (first + r) * COLUMNS + column, value);
      amax = fmaxf(amax, fabsf(value[0]));
    }
  }
  float scale = scaleOf<true, INPUT>(reduceBlock<Largest, 128>(amax));
  if (threadIdx.x == 0) {
    inverse[static_cast<int64>(blockIdx.y) * stride + blockIdx.x] = __fdiv_rn(1.0f, scale);
  }
  if (column < COLUMNS) {
    for (int r = 0; r < last; r++) {
      load<INPUT, 1>(x, (first + r) * COLUMNS + column, value);
      value[0] = __fmul_rn(value[0], scale);
      store<E4M3, 1>(target, (first + r) * COLUMNS + column, value);
    }
  }
}
