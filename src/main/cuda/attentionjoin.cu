// Joins the shares of items whose keys were cut over several blocks of attention's kernels: sums are
// brought to the largest reference and added in the order of the keys, so that the same input gives the
// same bits. A block takes the 16 rows of one warp of those kernels, each warp a row; blockIdx.y counts
// the items that were cut.
//
// Constants: those of attention.cuh.
#include "attention.cuh"

constexpr int VECTOR = HEAD_SIZE / 32;

extern "C" __global__ void __launch_bounds__(32 * ROWS_OF_WARP) join(
    int queries, int tiles, int heads, int blocks, int rounds, int rest, int shares, const float* parts,
    void* values, float* inverse, float* largest, const float* state, int stride) {
  int queryTiles = (queries + QUERIES - 1) / QUERIES;
  Cut cut = {rounds, rest, shares};
  unsigned int begin = blockIdx.y * tiles;
  unsigned int end = begin + tiles;
  unsigned int share = blockIdx.y * shares / rest;
  unsigned int at = cut.begin(share, tiles);
  unsigned int next = cut.begin(share + 1, tiles);
  if (next <= begin) {
    share++;
    at = next;
    next = cut.begin(share + 1, tiles);
  }
  if (at == begin && next >= end) {
    return; // one block had the whole item and has written it
  }
  int item = rounds * blocks + blockIdx.y;
  int head = item / queryTiles;
  int row = blockIdx.x * ROWS_OF_WARP + threadIdx.x / 32; // of the item
  int index = item % queryTiles * QUERIES + row;
  int column = threadIdx.x % 32 * VECTOR;
  float means[VECTOR] = {};
  float reference = -3.402823466e38f;
  float total = 0.0f;
  while (at < end) {
    const float* part = parts + partStart(share, at < begin ? 1 : 0);
    float sums[VECTOR];
    float ends[2];
    load<FLOAT32, VECTOR>(part, row * HEAD_SIZE + column, sums);
    load<FLOAT32, 2>(part, QUERIES * HEAD_SIZE + row * 2, ends);
    float before = reference;
    reference = fmaxf(reference, ends[0]);
    float shrink = powerOfTwo(before - reference);
    float factor = powerOfTwo(ends[0] - reference);
    total = total * shrink + ends[1] * factor;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      means[i] = means[i] * shrink + sums[i] * factor;
    }
    share++;
    at = next;
    next = cut.begin(share + 1, tiles);
  }
  float most = 0.0f;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) {
    means[i] *= 1.0f / total;
    most = fmaxf(most, fabsf(means[i]));
  }
  float scale = 1.0f;
  if constexpr (FORMAT == ROW_DELAYED) {
    scale = state[0];
  } else if constexpr (FORMAT == ROW_BLOCK) {
    scale = scaleOf<true, FLOAT32>(reduceLanes<Largest>(most));
  }
  if (index < queries) {
    int64 start = (static_cast<int64>(index) * heads + head) * HEAD_SIZE + column;
    if constexpr (FORMAT == ROW_PLAIN || FORMAT == ROW_NOTED) {
      store<BFLOAT16, VECTOR>(values, start, means);
    } else {
      float scaled[VECTOR];
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        scaled[i] = __fmul_rn(means[i], scale);
      }
      store<E4M3, VECTOR>(values, start, scaled);
    }
    if constexpr (FORMAT == ROW_BLOCK) {
      if (column == 0) {
        inverse[static_cast<int64>(head) * stride + index] = __fdiv_rn(1.0f, scale);
      }
    }
  }
  if constexpr (FORMAT == ROW_NOTED || FORMAT == ROW_DELAYED) {
    most = reduceBlock<Largest, 32 * ROWS_OF_WARP>(index < queries ? most : 0.0f);
    if constexpr (FORMAT == ROW_NOTED) {
      most = toFloat<BFLOAT16>(fromFloat<BFLOAT16>(most)); // what is quantised later is what is noted
    }
    if (threadIdx.x == 0) {
      largest[item * WARPS + blockIdx.x] = most;
    }
  }
}
