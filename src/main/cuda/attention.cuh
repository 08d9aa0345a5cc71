// What attention's kernels share: how their work is cut, and how sums leave them.
//
// An item is QUERIES queries of one head. Persistent blocks take whole items, as many each; the keys of
// the items that are left are cut evenly over the blocks, so that all end together, and what such shares
// leave is joined by a kernel of its own (attentionjoin.cu). AttentionPlan.java decides about both.
// Constants: HEAD_SIZE, GROUPS (warpgroups of 64 queries), FORMAT.
#pragma once
#include "fp8.cuh"

constexpr int QUERIES = GROUPS * 64;
constexpr int SUMS = HEAD_SIZE / 2; // of a thread
constexpr int ROWS_OF_WARP = 16;
constexpr int WARPS = QUERIES / ROWS_OF_WARP; // that multiply
static_assert(FORMAT != ROW_BLOCK || HEAD_SIZE == BLOCK, "a row of a head is a piece of its own scale");

// How items are spread: `rounds` whole ones for each block, then `rest` more over `shares` blocks.
struct Cut {
  int rounds;
  int rest;
  int shares;

  // Where the share of a block begins, in tiles of all items of the rest. Products stay below 2^32 for
  // 240,000 tiles on 132 multiprocessors.
  __device__ __forceinline__ unsigned int begin(unsigned int block, unsigned int tiles) const {
    return block * rest * tiles / shares;
  }
};

// A part of an item leaves its sums, and, for each row, what exponents are relative to and the total
// of weights, as float32.
constexpr int PART_FLOATS = QUERIES * (HEAD_SIZE + 2);

__device__ __forceinline__ int64 partStart(int block, int part) {
  return (static_cast<int64>(block) * 2 + part) * PART_FLOATS;
}

template <class Value, int COUNT>
__device__ __forceinline__ void settle(Value (&values)[COUNT]) {
#pragma unroll
  for (int i = 0; i < COUNT; i++) {
    settle(values[i]);
  }
}

// The two rows of a thread: what exponents are relative to, and the sum of weights, first of its own
// columns.
struct Rows {
  float reference[2];
  float total[2];

  // Adds up totals over the four threads of a row.
  __device__ __forceinline__ void reduce() {
    total[0] = reduceLanes<Sum, 4>(total[0]);
    total[1] = reduceLanes<Sum, 4>(total[1]);
  }
};

// Transposes four words of each of the four threads that share a row: word j of thread i becomes word i
// of thread j.
__device__ __forceinline__ void exchange(unsigned int (&words)[4], int thread) {
#pragma unroll
  for (int distance = 1; distance < 4; distance *= 2) {
    bool isUpper = (thread & distance) != 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if ((i & distance) == 0) {
        unsigned int sent = isUpper ? words[i] : words[i + distance];
        unsigned int got = __shfl_xor_sync(0xFFFFFFFF, sent, distance);
        words[i] = isUpper ? got : words[i];
        words[i + distance] = isUpper ? words[i + distance] : got;
      }
    }
  }
}

// Writes the means of row r of the two of a thread, which lie as a product leaves its sums, so that each
// thread stores 16 bytes side by side; all threads of a warp take part, and those write that `writes`.
__device__ __forceinline__ void storeRow(
    const float (&means)[SUMS], int r, float scale, void* values, int64 start, bool writes, int thread) {
  int lane = thread % 4;
  if constexpr (FORMAT == ROW_PLAIN || FORMAT == ROW_NOTED) {
#pragma unroll
    for (int piece = 0; piece < HEAD_SIZE / 32; piece++) {
      unsigned int words[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int at = (4 * piece + i) * 4 + 2 * r;
        words[i] = bfloat16Pair(means[at], means[at + 1]);
      }
      exchange(words, thread);
      if (writes) {
        uint4* target = reinterpret_cast<uint4*>(static_cast<unsigned short*>(values) + start);
        target[4 * piece + lane] = make_uint4(words[0], words[1], words[2], words[3]);
      }
    }
  } else {
#pragma unroll
    for (int piece = 0; piece < HEAD_SIZE / 64; piece++) {
      unsigned int words[4]; // of two eights of columns
#pragma unroll
      for (int i = 0; i < 4; i++) {
        unsigned int halves[2];
#pragma unroll
        for (int h = 0; h < 2; h++) {
          int at = (8 * piece + 2 * i + h) * 4 + 2 * r;
          halves[h] = e4m3Pair(__fmul_rn(means[at], scale), __fmul_rn(means[at + 1], scale));
        }
        words[i] = halves[0] | halves[1] << 16;
      }
      exchange(words, thread);
      if (writes) {
        uint4* target = reinterpret_cast<uint4*>(static_cast<unsigned char*>(values) + start);
        target[4 * piece + lane] = make_uint4(
            __byte_perm(words[0], words[1], 0x5410), __byte_perm(words[2], words[3], 0x5410),
            __byte_perm(words[0], words[1], 0x7632), __byte_perm(words[2], words[3], 0x7632));
      }
    }
  }
}

// Writes the two rows of a thread, whose sums in the order of a product become means by their totals.
// `row` is the first of the two, the other is eight further; `note` counts warps.
__device__ __forceinline__ void leave(
    float (&sums)[SUMS], const Rows& rows, int row, int queries, int head, int heads, int note,
    const RowTarget& target, int thread) {
  float factors[2] = {1.0f / rows.total[0], 1.0f / rows.total[1]};
#pragma unroll
  for (int i = 0; i < SUMS; i++) {
    sums[i] *= factors[i / 2 % 2];
  }
  float most = 0.0f;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int index = row + r * 8;
    bool writes = index < queries;
    float scale = 1.0f;
    if constexpr (FORMAT == ROW_DELAYED) {
      scale = target.state[0];
    }
    if constexpr (FORMAT != ROW_PLAIN) {
      float largest = 0.0f;
#pragma unroll
      for (int i = 0; i < SUMS / 2; i++) {
        largest = fmaxf(largest, fabsf(sums[i / 2 * 4 + r * 2 + i % 2]));
      }
      most = writes ? fmaxf(most, largest) : most;
      if constexpr (FORMAT == ROW_BLOCK) {
        scale = scaleOf<true, FLOAT32>(reduceLanes<Largest, 4>(largest));
        if (writes && thread % 4 == 0) {
          target.inverse[static_cast<int64>(head) * target.stride + index] = __fdiv_rn(1.0f, scale);
        }
      }
    }
    int64 start = (static_cast<int64>(index) * heads + head) * HEAD_SIZE;
    storeRow(sums, r, scale, target.values, start, writes, thread);
  }
  if constexpr (FORMAT == ROW_NOTED || FORMAT == ROW_DELAYED) {
    most = reduceLanes<Largest>(most);
    if constexpr (FORMAT == ROW_NOTED) {
      most = toFloat<BFLOAT16>(fromFloat<BFLOAT16>(most)); // what is quantised later is what is noted
    }
    if (thread % 32 == 0) {
      target.largest[note] = most;
    }
  }
}

// Writes the two rows of a thread as rows of a part; `row` counts from the item's first.
__device__ __forceinline__ void leavePart(
    const float (&sums)[SUMS], const Rows& rows, int row, float* part, int thread) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int index = row + r * 8;
#pragma unroll
    for (int i = 0; i < HEAD_SIZE / 8; i++) {
      float pair[2] = {sums[4 * i + 2 * r], sums[4 * i + 2 * r + 1]};
      store<FLOAT32, 2>(part, index * HEAD_SIZE + thread % 4 * 2 + 8 * i, pair);
    }
    if (thread % 4 == 0) {
      float pair[2] = {rows.reference[r], rows.total[r]};
      store<FLOAT32, 2>(part, QUERIES * HEAD_SIZE + index * 2, pair);
    }
  }
}
