// softmax(q k' scale) v of heads of 128 in bfloat16: query [queries, heads, 128], key and value
// [keys, heads, 128] and target [queries, heads, 128], summed in float32. It leaves as bfloat16 or as
// E4M3 of a known scale, each also with the largest magnitude of what every warp wrote, or as E4M3 with
// a scale for each row of a head, which is a 1 x 128 piece.
//
// A block takes 128 queries of one head. One warp copies keys and values in tiles of 176, the last tile
// first, which alone may reach beyond the keys; two warpgroups of 64 queries each multiply.
// Scores of one tile are computed while the tile before is being weighted (both products are under way
// at once), and the warpgroups take turns in asking for products, so that the exponentials of one hide
// behind the products of the other: FlashAttention-3's two overlaps (Dao-AILab/flash-attention 0251105,
// hopper/mainloop_fwd_sm90_tma_gmma_ws.hpp).
//
// Exponents are relative to a reference of each row that follows the row's largest score only when that
// has grown by 2^HEADROOM: exact all the same, and the sums so far are rescaled a few times in all in
// place of once a tile.
//
// A tile is 2 x 128 x 176 x 128 multiplications, 2,816 cycles of the tensor cores, and 22,528
// exponentials, 1,408 cycles of their unit; 88 KB come from the second cache, 32 bytes a cycle. 176 is as
// wide as shared memory has room for two stages; a thread holds 88 scores, 44 pairs of weights and 64
// sums in registers.
//
// Constants: HEAD_SIZE, QUERIES (of a block), KEYS (of a tile), STAGES (of keys and of values), THREADS,
// FORMAT.
#include "fp8.cuh"

constexpr int ROW_BYTES = 128; // of a box: 64 columns
constexpr int BOX_BYTES = KEYS * ROW_BYTES;
constexpr int TILE_BYTES = 2 * BOX_BYTES;
constexpr int QUERY_BOX_BYTES = QUERIES * ROW_BYTES;
constexpr int SCORES = KEYS / 2; // of a thread
constexpr int WARPS = QUERIES / 16; // that multiply
constexpr float HEADROOM = 8.0f;
constexpr float LOWEST = -3.402823466e38f;
static_assert(HEAD_SIZE == BLOCK, "a row of a head is a piece with a scale of its own");

struct Barriers {
  unsigned long long query;
  unsigned long long keysFull[STAGES];
  unsigned long long keysEmpty[STAGES];
  unsigned long long valuesFull[STAGES];
  unsigned long long valuesEmpty[STAGES];
};

// Rows of 128 bytes, swizzled over them: eights of neighbouring rows are 1,024 bytes apart, and, where
// columns go along a row, the next 64 of them a box further.
__device__ __forceinline__ unsigned long long descriptor(unsigned int address) {
  return (1ull << 62) | (static_cast<unsigned long long>(1024 >> 4) << 32) |
      (static_cast<unsigned long long>(BOX_BYTES >> 4) << 16) | ((address & 0x3FFFF) >> 4);
}

template <int COUNT>
__device__ __forceinline__ void settle(float (&values)[COUNT]) {
#pragma unroll
  for (int i = 0; i < COUNT; i++) {
    settle(values[i]);
  }
}

// Copies a tile of keys or values.
__device__ __forceinline__ void copyTile(
    unsigned int place, const TensorMap& map, unsigned int full, int head, int row) {
  copyBox(place, map, full, 0, head, row, 0);
  copyBox(place + BOX_BYTES, map, full, 64, head, row, 0);
}

// Asks for the scores of 64 queries and a tile of keys.
__device__ __forceinline__ void score(float (&scores)[SCORES], unsigned int query, unsigned int key) {
  multiplyShared<0>(scores, descriptor(query), descriptor(key));
#pragma unroll
  for (int k = 1; k < HEAD_SIZE / 16; k++) {
    multiplyShared<1>(
        scores, descriptor(query + k / 4 * QUERY_BOX_BYTES + k % 4 * 32),
        descriptor(key + k / 4 * BOX_BYTES + k % 4 * 32));
  }
  commitProducts();
}

// Asks for the weighted sum of a tile of values.
__device__ __forceinline__ void weigh(
    float (&sums)[64], const unsigned int (&weights)[SCORES / 2], unsigned int value) {
#pragma unroll
  for (int k = 0; k < KEYS / 16; k++) {
    multiplyRegisters(sums, weights + 4 * k, descriptor(value + k * 16 * ROW_BYTES));
  }
  commitProducts();
}

// The two rows of a thread: what exponents are relative to, by how much the sums so far must shrink,
// and the sum of its own columns' weights.
struct Rows {
  float reference[2];
  float shrink[2];
  float total[2];
};

// Turns scores into weights; returns whether any row of the warp has a new reference.
template <bool FIRST>
__device__ __forceinline__ bool exponentiate(float (&scores)[SCORES], Rows& rows, float scale) {
  bool isNew = FIRST;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float most = LOWEST;
#pragma unroll
    for (int i = 0; i < SCORES / 2; i++) {
      most = fmaxf(most, scores[i / 2 * 4 + r * 2 + i % 2]);
    }
    most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFF, most, 1));
    most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFF, most, 2)) * scale;
    if constexpr (FIRST) {
      rows.reference[r] = most;
    } else {
      bool grows = most > rows.reference[r] + HEADROOM;
      rows.shrink[r] = grows ? powerOfTwo(rows.reference[r] - most) : 1.0f;
      rows.reference[r] = grows ? most : rows.reference[r];
      isNew = isNew || grows;
    }
    float total = 0.0f;
#pragma unroll
    for (int i = 0; i < SCORES / 2; i++) {
      float& weight = scores[i / 2 * 4 + r * 2 + i % 2];
      weight = powerOfTwo(weight * scale - rows.reference[r]);
      total += weight;
    }
    rows.total[r] = FIRST ? total : rows.total[r] * rows.shrink[r] + total;
  }
  return FIRST || __any_sync(0xFFFFFFFF, isNew);
}

// Rounds weights to what the next product takes.
__device__ __forceinline__ void pack(unsigned int (&packed)[SCORES / 2], const float (&weights)[SCORES]) {
#pragma unroll
  for (int i = 0; i < SCORES / 2; i++) {
    packed[i] = bfloat16Pair(weights[2 * i], weights[2 * i + 1]);
  }
}

// Writes the two rows of a thread, whose sums in the order of a product become means by `factor`.
// `head` counts among `heads`, `row` is the first of the two, the other is eight further.
__device__ __forceinline__ void leave(
    float (&sums)[64], const float (&factor)[2], int row, int queries, int head, int heads,
    const RowTarget& target) {
  float most = 0.0f;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int index = row + r * 8;
    float largest = 0.0f;
#pragma unroll
    for (int i = 0; i < 32; i++) {
      float& mean = sums[i / 2 * 4 + r * 2 + i % 2];
      mean *= factor[r];
      largest = fmaxf(largest, fabsf(mean));
    }
    most = index < queries ? fmaxf(most, largest) : most;
    float scale = 1.0f;
    if constexpr (FORMAT == ROW_DELAYED) {
      scale = target.state[0];
    } else if constexpr (FORMAT == ROW_BLOCK) {
      scale = scaleOf<true, FLOAT32>(reduceLanes<Largest, 4>(largest));
    }
    if (index < queries) {
      int64 start = (static_cast<int64>(index) * heads + head) * HEAD_SIZE + threadIdx.x % 4 * 2;
      if constexpr (FORMAT == ROW_BLOCK) {
        if (threadIdx.x % 4 == 0) {
          target.inverse[static_cast<int64>(head) * target.stride + index] = __fdiv_rn(1.0f, scale);
        }
      }
#pragma unroll
      for (int i = 0; i < HEAD_SIZE / 8; i++) {
        float pair[2] = {sums[4 * i + 2 * r], sums[4 * i + 2 * r + 1]};
        if constexpr (FORMAT == ROW_PLAIN || FORMAT == ROW_NOTED) {
          store<BFLOAT16, 2>(target.values, start + 8 * i, pair);
        } else {
          pair[0] = __fmul_rn(pair[0], scale);
          pair[1] = __fmul_rn(pair[1], scale);
          store<E4M3, 2>(target.values, start + 8 * i, pair);
        }
      }
    }
  }
  if constexpr (FORMAT == ROW_NOTED || FORMAT == ROW_DELAYED) {
    most = reduceLanes<Largest>(most);
    if constexpr (FORMAT == ROW_NOTED) {
      most = toFloat<BFLOAT16>(fromFloat<BFLOAT16>(most)); // what is quantised later is what is noted
    }
    if (threadIdx.x % 32 == 0) {
      int64 block = static_cast<int64>(blockIdx.y) * gridDim.x + blockIdx.x;
      target.largest[block * WARPS + threadIdx.x / 32] = most;
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, int queries, int keys, int heads, float scale, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ Barriers barriers;
  unsigned int queryTile = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  unsigned int keyTiles = queryTile + 2 * QUERY_BOX_BYTES;
  unsigned int valueTiles = keyTiles + STAGES * TILE_BYTES;
  unsigned int queryFull = sharedAddress(&barriers.query);
  unsigned int keysFull = sharedAddress(barriers.keysFull);
  unsigned int keysEmpty = sharedAddress(barriers.keysEmpty);
  unsigned int valuesFull = sharedAddress(barriers.valuesFull);
  unsigned int valuesEmpty = sharedAddress(barriers.valuesEmpty);
  int group = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0); // the compiler sees that warps agree
  int first = blockIdx.x * QUERIES;
  int head = blockIdx.y;
  int tiles = (keys + KEYS - 1) / KEYS;
  if (threadIdx.x == 0) {
    initBarrier(queryFull, 1);
    for (int i = 0; i < STAGES; i++) {
      initBarrier(keysFull + 8 * i, 1);
      initBarrier(keysEmpty + 8 * i, 2);
      initBarrier(valuesFull + 8 * i, 1);
      initBarrier(valuesEmpty + 8 * i, 2);
    }
    fenceBarriers();
  }
  __syncthreads();

  if (group == 2) {
    giveRegisters<24>();
    if (threadIdx.x == 256) {
      arriveExpecting(queryFull, 2 * QUERY_BOX_BYTES);
      copyBox(queryTile, query, queryFull, 0, head, first, 0);
      copyBox(queryTile + QUERY_BOX_BYTES, query, queryFull, 64, head, first, 0);
      Ring<STAGES> ring;
      for (int tile = tiles - 1; tile >= 0; tile--) {
        unsigned int full = keysFull + 8 * ring.stage;
        unsigned int place = keyTiles + ring.stage * TILE_BYTES;
        await(keysEmpty + 8 * ring.stage, ring.parity ^ 1);
        arriveExpecting(full, TILE_BYTES);
        copyTile(place, key, full, head, tile * KEYS);
        full = valuesFull + 8 * ring.stage;
        place = valueTiles + ring.stage * TILE_BYTES;
        await(valuesEmpty + 8 * ring.stage, ring.parity ^ 1);
        arriveExpecting(full, TILE_BYTES);
        copyTile(place, value, full, head, tile * KEYS);
        ring.step();
      }
    }
  } else {
    takeRegisters<240>();
    int lane = threadIdx.x % 32;
    bool releases = threadIdx.x % 128 == 0;
    unsigned int mine = queryTile + group * 64 * ROW_BYTES;
    float sums[64];
    float scores[SCORES];
    unsigned int weights[SCORES / 2];
    Rows rows;
#pragma unroll
    for (int i = 0; i < 64; i++) {
      sums[i] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0.0f;
    }
    if (group == 1) {
      pass<256>(1); // the first warpgroup begins
    }
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    await(queryFull, 0);
    await(keysFull, 0);
    settle(scores);
    beginProducts();
    score(scores, mine, keyTiles);
    awaitProducts<0>();
    settle(scores);
    arriveIf(releases, keysEmpty);
    keyRing.step();
    int left = keys - (tiles - 1) * KEYS;
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + lane % 4 * 2 + i % 2 >= left) {
          scores[i] = LOWEST;
        }
      }
    }
    exponentiate<true>(scores, rows, scale);
    pack(weights, scores);
#pragma unroll 1
    for (int tile = 1; tile < tiles; tile++) {
      await(keysFull + 8 * keyRing.stage, keyRing.parity);
      meet<256>(1 + group);
      settle(scores);
      settle(sums);
      beginProducts();
      score(scores, mine, keyTiles + keyRing.stage * TILE_BYTES);
      await(valuesFull + 8 * valueRing.stage, valueRing.parity);
      weigh(sums, weights, valueTiles + valueRing.stage * TILE_BYTES);
      pass<256>(2 - group);
      awaitProducts<1>();
      settle(scores);
      arriveIf(releases, keysEmpty + 8 * keyRing.stage);
      keyRing.step();
      bool isNew = exponentiate<false>(scores, rows, scale);
      awaitProducts<0>();
      settle(sums);
      arriveIf(releases, valuesEmpty + 8 * valueRing.stage);
      valueRing.step();
      if (isNew) {
#pragma unroll
        for (int i = 0; i < 64; i++) {
          sums[i] *= rows.shrink[i / 2 % 2];
        }
      }
      pack(weights, scores);
    }
    await(valuesFull + 8 * valueRing.stage, valueRing.parity);
    settle(sums);
    beginProducts();
    weigh(sums, weights, valueTiles + valueRing.stage * TILE_BYTES);
    awaitProducts<0>();
    settle(sums);
    float factor[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float total = rows.total[r];
      total += __shfl_xor_sync(0xFFFFFFFF, total, 1);
      total += __shfl_xor_sync(0xFFFFFFFF, total, 2);
      factor[r] = 1.0f / total;
    }
    int row = first + group * 64 + threadIdx.x % 128 / 32 * 16 + lane / 4;
    leave(sums, factor, row, queries, head, heads, {values, inverse, largest, state, stride});
  }
}
