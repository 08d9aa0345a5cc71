// What attention's kernels share of how a block is laid out: one warp that copies, GROUPS warpgroups that
// multiply, stages of tiles between them, and the barriers that count what came and what is free.
// Constants: those of attention.cuh, KEYS (of a tile), STAGES (of keys and of values), QUERY_STAGES, LISTED
// (whether items attend to lists of tiles).
#pragma once
#include "attention.cuh"

constexpr int THREADS = 128 * (GROUPS + 1);
constexpr int ROW_BYTES = 128; // of a box: 64 columns of bfloat16, 128 of 8 bits
constexpr int BOX_BYTES = KEYS * ROW_BYTES;
constexpr int QUERY_BOX_BYTES = 64 * ROW_BYTES; // of a warpgroup
constexpr int REGISTERS = 65536 / THREADS / 8 * 8; // that a thread has at first
constexpr int COPYING_REGISTERS = GROUPS == 3 ? 32 : 24;
constexpr int MULTIPLYING_REGISTERS =
    ((GROUPS + 1) * REGISTERS - COPYING_REGISTERS) / GROUPS / 8 * 8;

constexpr unsigned int ALL = 0xFFFFFFFF;

// Some tiles of an item's keys, the last excluded; nothing where there is none. `part` counts the shares
// of a block and is -1 for a whole item; `again` says that it is to be done once more.
struct alignas(32) Work {
  int item;
  int first;
  int last;
  int part;
  int again;

  // Returns `again`, which may only be read when all have passed here once.
  __device__ __forceinline__ bool isNoted() const {
    return *static_cast<const volatile int*>(&again) != 0;
  }
};

// Which tiles of keys each item attends to, in ascending order: `counts [items]` of them, and
// `tiles [items, stride]`.
struct KeyList {
  const int* counts;
  const int* tiles;
  int stride;

  // At least one, and no more than there is room for.
  __device__ __forceinline__ int count(int item) const {
    int count = counts[item];
    return count < 1 ? 1 : count < stride ? count : stride;
  }

  // Returns which tile of the keys an item's tile is.
  __device__ __forceinline__ int tile(int item, int at) const {
    return LISTED ? __ldg(tiles + static_cast<int64>(item) * stride + at) : at;
  }
};

// Writes what this block does, by all its threads: whole items of as many tiles, at most two parts, since a
// share is no longer than an item, and an end. Items that attend to lists of tiles are all whole.
__device__ __forceinline__ void plan(Work* works, const Cut& cut, int tiles, const KeyList& list) {
  int block = static_cast<int>(blockIdx.x);
  int blocks = static_cast<int>(gridDim.x);
  for (int i = static_cast<int>(threadIdx.x); i < cut.rounds; i += static_cast<int>(blockDim.x)) {
    int item = i * blocks + block;
    works[i] = {item, 0, LISTED ? list.count(item) : tiles, -1, 0};
  }
  if (threadIdx.x == 0) {
    Work* next = works + cut.rounds;
    int first = cut.rounds * blocks; // of the items that are left
    if (LISTED && block < cut.rest) {
      *next++ = {first + block, 0, list.count(first + block), -1, 0};
    }
    if (!LISTED && block < cut.shares) {
      int part = 0;
      unsigned int at = cut.begin(block, tiles);
      unsigned int end = cut.begin(block + 1, tiles);
      while (at < end) {
        unsigned int item = at / tiles;
        unsigned int start = item * tiles;
        unsigned int stop = start + tiles < end ? start + tiles : end;
        bool isWhole = stop - at == tiles;
        *next++ = {
            first + static_cast<int>(item), static_cast<int>(at - start), static_cast<int>(stop - start),
            isWhole ? -1 : part++, 0};
        at = stop;
      }
    }
    *next = {0, 0, 0, 0, 0};
  }
}

// Where barriers lie behind the first of them, in bytes: those of queries for each warpgroup, those of
// tiles for each stage.
constexpr int QUERY_FULL = 0;
constexpr int QUERY_EMPTY = QUERY_FULL + 8 * QUERY_STAGES * GROUPS;
constexpr int KEYS_FULL = QUERY_EMPTY + 8 * QUERY_STAGES * GROUPS;
constexpr int KEYS_EMPTY = KEYS_FULL + 8 * STAGES;
constexpr int VALUES_FULL = KEYS_EMPTY + 8 * STAGES;
constexpr int VALUES_EMPTY = VALUES_FULL + 8 * STAGES;
constexpr int BARRIERS = VALUES_EMPTY / 8 + STAGES;

// Has the compiler see that the lanes of a warp agree.
__device__ __forceinline__ int agreed(int value) { return __shfl_sync(ALL, value, 0); }

// Where things lie in shared memory. This is itself read from there, as is the list of works, one by one:
// so the compiler sees that a warp's lanes agree on what follows and computes it once for a warp, and it
// does not derive these addresses anew in every loop.
struct Places {
  unsigned int query;
  unsigned int keys;
  unsigned int values;
  unsigned int barriers;

  // Returns how many bytes queries and tiles take.
  template <class Maps>
  __device__ __forceinline__ static constexpr int bytes() {
    return QUERY_STAGES * GROUPS * Maps::QUERY_BYTES + STAGES * (Maps::KEY_BYTES + Maps::VALUE_BYTES);
  }
};

// Returns the first place that tiles may begin at.
__device__ __forceinline__ unsigned char* aligned(unsigned char* shared) {
  return shared + (1024 - sharedAddress(shared) % 1024) % 1024;
}

// Says whether the key of a thread's score is one of `left` of the tile.
__device__ __forceinline__ bool isThere(int score, int left) {
  return score / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + score % 2 < left;
}

// What a product is told of where rows of 128 bytes lie, swizzled over them: eights of neighbouring rows
// are 1,024 bytes apart, and, where columns go along a row, the next 64 of them a box further. The lower
// half is computed once, so that each product costs one addition: the other warpgroups wait for their turn.
__device__ __forceinline__ unsigned int lowerHalf(unsigned int address) {
  return (static_cast<unsigned int>(BOX_BYTES >> 4) << 16) + ((address & 0x3FFFF) >> 4);
}

__device__ __forceinline__ unsigned long long descriptor(unsigned int lowerHalf, int offset) {
  constexpr unsigned long long UPPER_HALF = 1u << 30 | 1024 >> 4;
  return UPPER_HALF << 32 | (lowerHalf + (offset >> 4));
}

// The same of a step of transposed values: rows of 32 keys of 8 bits, swizzled over them, eights of rows 256
// bytes apart.
__device__ __forceinline__ unsigned long long stepDescriptor(unsigned int address) {
  constexpr unsigned long long UPPER_HALF = 3u << 30 | 256 >> 4;
  return UPPER_HALF << 32 | (1 << 16) + ((address & 0x3FFFF) >> 4);
}

// Tells the barriers how many arrivals each waits for, `readers` where a stage's values are given back; the
// block's threads then still meet.
__device__ __forceinline__ void initBarriers(const unsigned long long* barriers, int readers = GROUPS) {
  for (int i = 0; i < BARRIERS; i++) {
    int at = 8 * i;
    bool isOfKeys = at >= KEYS_EMPTY && at < VALUES_FULL;
    int arrivals = at >= VALUES_EMPTY ? readers : isOfKeys ? GROUPS : 1;
    initBarrier(sharedAddress(barriers + i), arrivals);
  }
  fenceBarriers();
}
