// softmax(q k' scale) v of heads of 128 with 8-bit queries and keys, and values of 8 or 16 bits: the loop of
// attention.cu. Query and key [tokens, heads, 128] are int8 or E4M3 with a scale for each query (scale log2 e
// folded in) and for each GROUP keys of a head; values are bfloat16 [keys, heads, 128], or E4M3 transposed
// [heads, 128, keys] with a scale for each channel, the keys of each sixteen in the order 0 1 8 9 2 3 10 11
// 4 5 12 13 6 7 14 15, so that weights as they lie in registers are a product's left side.
// E4M3 weights lie around 2^8: where one reaches 448, the row's reference moves. Sums of E4M3 products keep
// some 22 bits, so every PROMOTED tiles they are added to float32 sums in shared memory.
// Constants: those of attention.cuh, KEYS, STAGES, GROUP, IS_INT8 (queries and keys), IS_WIDE (values), PROMOTED.
#include "attention.cuh"
#include "ptx8.cuh"

constexpr int THREADS = 128 * (GROUPS + 1);
constexpr int ROW_BYTES = 128; // of a box: 64 columns
constexpr int QUERY_STAGES = 1;
constexpr int BOX_BYTES = KEYS * ROW_BYTES;
constexpr int TILE_BYTES = BOX_BYTES; // of keys
constexpr int VALUE_BYTES = IS_WIDE ? 2 * BOX_BYTES : KEYS * HEAD_SIZE;
constexpr int STEP_BYTES = 32 * HEAD_SIZE; // 32 keys of E4M3 values
constexpr int MASTER_BYTES = IS_WIDE ? 0 : 128 * GROUPS * SUMS * 4;
constexpr int QUERY_BOX_BYTES = 64 * ROW_BYTES; // of a warpgroup
constexpr int QUERY_BYTES = QUERY_BOX_BYTES;
constexpr int SCORES = KEYS / 2; // of a thread
constexpr int WEIGHTS = IS_WIDE ? SCORES / 2 : SCORES / 4;
constexpr int SCALES = KEYS / GROUP;
constexpr float BASE = IS_WIDE ? 0.0f : 8.0f; // the reference's weight is 2^BASE
struct IntegerScore { using Type = int; };
struct FloatScore { using Type = float; };
template <bool INTEGER> struct Choose { using Type = float; };
template <> struct Choose<true> { using Type = int; };
using Score = Choose<IS_INT8>::Type;
constexpr int REGISTERS = 65536 / THREADS / 8 * 8; // that a thread has at first
constexpr int COPYING_REGISTERS = GROUPS == 3 ? 32 : 24;
constexpr int MULTIPLYING_REGISTERS =
    ((GROUPS + 1) * REGISTERS - COPYING_REGISTERS) / GROUPS / 8 * 8;
constexpr float HEADROOM = IS_WIDE ? 8.0f : 0.75f;
constexpr float MOST = 1.152921504606847e18f; // 2^60
constexpr float LOWEST = -3.402823466e38f;
constexpr unsigned int ALL = 0xFFFFFFFF;

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
};

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

// ---- the warp that copies

// Copies what all works take, or those that are done again.
__device__ __forceinline__ void copy(
    const Places& places, const Work* works, const TensorMap& query, const TensorMap& key,
    const TensorMap& value, int queryTiles, bool isAgain, Ring<STAGES>& ring, Ring<QUERY_STAGES>& queryRing) {
  for (const Work* work = works; work->last > 0; work++) {
    if (isAgain && !work->isNoted()) {
      continue;
    }
    int head = work->item / queryTiles;
    int first = work->item % queryTiles * QUERIES;
#pragma unroll 1
    for (int i = 0; i < GROUPS; i++) {
      int at = queryRing.stage * GROUPS + i;
      unsigned int barrier = places.barriers + 8 * at;
      await(barrier + QUERY_EMPTY, queryRing.parity ^ 1);
      arriveExpecting(barrier + QUERY_FULL, QUERY_BYTES);
      copyBox(places.query + at * QUERY_BYTES, query, barrier + QUERY_FULL, 0, head, first + 64 * i, 0);
    }
    queryRing.step();
    for (int tile = work->last - 1; tile >= work->first; tile--) {
      unsigned int barrier = places.barriers + 8 * ring.stage;
      await(barrier + KEYS_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + KEYS_FULL, TILE_BYTES);
      copyBox(places.keys + ring.stage * TILE_BYTES, key, barrier + KEYS_FULL, 0, head, tile * KEYS, 0);
      await(barrier + VALUES_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + VALUES_FULL, VALUE_BYTES);
      unsigned int place = places.values + ring.stage * VALUE_BYTES;
      if constexpr (IS_WIDE) {
        copyBox(place, value, barrier + VALUES_FULL, 0, head, tile * KEYS, 0);
        copyBox(place + BOX_BYTES, value, barrier + VALUES_FULL, 64, head, tile * KEYS, 0);
      } else {
#pragma unroll
        for (int i = 0; i < KEYS / 32; i++) {
          copyBox(place + i * STEP_BYTES, value, barrier + VALUES_FULL, tile * KEYS + 32 * i, 0, head, 0);
        }
      }
      ring.step();
    }
  }
}

// ---- the warpgroups that multiply

__device__ __forceinline__ unsigned long long narrowDescriptor(unsigned int address, int offset) {
  return 3ull << 62 | static_cast<unsigned long long>(256 >> 4) << 32 | 1 << 16 |
      (((address & 0x3FFFF) >> 4) + (offset >> 4));
}

__device__ __forceinline__ void score(Score (&scores)[SCORES], unsigned int query, unsigned int key) {
  unsigned int left = lowerHalf(query);
  unsigned int right = lowerHalf(key);
  multiply8<0>(scores, descriptor(left, 0), descriptor(right, 0));
#pragma unroll
  for (int k = 1; k < HEAD_SIZE / 32; k++) {
    multiply8<1>(scores, descriptor(left, k * 32), descriptor(right, k * 32));
  }
  commitProducts();
}

__device__ __forceinline__ void weigh(
    float (&sums)[SUMS], const unsigned int (&weights)[WEIGHTS], unsigned int value) {
  if constexpr (IS_WIDE) {
    unsigned int right = lowerHalf(value);
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      multiplyRegisters(sums, weights + 4 * k, descriptor(right, k * 16 * ROW_BYTES));
    }
  } else {
#pragma unroll
    for (int k = 0; k < KEYS / 32; k++) {
      multiplyRegisters8(sums, weights + 4 * k, narrowDescriptor(value, k * STEP_BYTES));
    }
  }
  commitProducts();
}

__device__ __forceinline__ float number(int score) { return static_cast<float>(score); }
__device__ __forceinline__ float number(float score) { return score; }
__device__ __forceinline__ float bits(int score) { return __int_as_float(score); }
__device__ __forceinline__ float bits(float score) { return score; }
__device__ __forceinline__ void put(int& score, float weight) { score = __float_as_int(weight); }
__device__ __forceinline__ void put(float& score, float weight) { score = weight; }

// The largest exponent of row r: scales of keys are positive.
__device__ __forceinline__ float largest(
    const Score (&scores)[SCORES], int r, float queryScale, const float (&keyScales)[SCALES]) {
  float most = LOWEST;
#pragma unroll
  for (int group = 0; group < KEYS / 8; group++) {
    Score pair = scores[4 * group + 2 * r] > scores[4 * group + 2 * r + 1] ? scores[4 * group + 2 * r]
                                                                          : scores[4 * group + 2 * r + 1];
    most = fmaxf(most, number(pair) * keyScales[group * 8 / GROUP]);
  }
  return reduceLanes<Largest, 4>(most) * queryScale;
}

template <int COUNT>
__device__ __forceinline__ void shrink(float (&values)[COUNT], int r, float factor) {
#pragma unroll
  for (int i = 0; i < COUNT / 2; i++) {
    values[i / 2 * 4 + r * 2 + i % 2] *= factor;
  }
}

__device__ __forceinline__ void follow(
    const Score (&scores)[SCORES], float (&sums)[SUMS], Rows& rows, const float (&queryScales)[2],
    const float (&keyScales)[SCALES], float (&factors)[2]) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float most = largest(scores, r, queryScales[r], keyScales) - BASE;
    bool grows = most > rows.reference[r] + HEADROOM;
    factors[r] = grows ? powerOfTwo(rows.reference[r] - most) : 1.0f;
    rows.reference[r] = grows ? most : rows.reference[r];
    rows.total[r] *= factors[r];
    shrink(sums, r, factors[r]);
  }
}

// Packs the weights of sixteen keys.
__device__ __forceinline__ void pack(
    unsigned int (&packed)[WEIGHTS], const Score (&weights)[SCORES], int sixteen) {
  auto w = [&](int i) { return bits(weights[8 * sixteen + i]); };
  if constexpr (IS_WIDE) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      packed[4 * sixteen + i] = bfloat16Pair(w(2 * i), w(2 * i + 1));
    }
  } else {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      packed[sixteen / 2 * 4 + sixteen % 2 * 2 + r] =
          e4m3Pair(w(2 * r), w(2 * r + 1)) | e4m3Pair(w(4 + 2 * r), w(5 + 2 * r)) << 16;
    }
  }
}

__device__ __forceinline__ void exponentiate(
    Score (&scores)[SCORES], unsigned int (&packed)[WEIGHTS], Rows& rows, const float (&queryScales)[2],
    const float (&keyScales)[SCALES]) {
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
#pragma unroll
    for (int i = 0; i < 8; i++) {
      Score& place = scores[8 * sixteen + i];
      float weight = powerOfTwo(
          number(place) * (queryScales[i / 2 % 2] * keyScales[sixteen * 16 / GROUP]) -
          rows.reference[i / 2 % 2]);
      rows.total[i / 2 % 2] += weight;
      put(place, weight);
    }
    pack(packed, scores, sixteen);
  }
}

// Whether any weight of the warp is too large for what is packed.
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

// Moves references of rows that are too large; the float32 sums in shared memory too.
__device__ __forceinline__ void move(
    Score (&weights)[SCORES], unsigned int (&packed)[WEIGHTS], float (&sums)[SUMS], Rows& rows,
    float* master, bool hasMaster) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float most = IS_WIDE ? rows.total[r] : 0.0f;
    if constexpr (!IS_WIDE) {
#pragma unroll
      for (int i = 0; i < SCORES / 2; i++) {
        most = fmaxf(most, bits(weights[i / 2 * 4 + r * 2 + i % 2]));
      }
    }
    most = reduceLanes<Largest, 4>(most);
    // so that the largest weight of E4M3 comes to lie between 216 and 448
    float above = IS_WIDE ? most : most * (1.0f / 448.0f);
    int power = most >= (IS_WIDE ? MOST : 432.0f)
        ? static_cast<int>(__float_as_uint(above) >> 23) - 127 + (IS_WIDE ? 0 : 1) : 0;
    power = !IS_WIDE && most >= 432.0f && power < 1 ? 1 : power;
    power = power < 126 ? power : 126;
    float factor = __uint_as_float(static_cast<unsigned int>(127 - power) << 23);
    rows.reference[r] += static_cast<float>(power);
    rows.total[r] *= factor;
    shrink(sums, r, factor);
#pragma unroll
    for (int i = 0; i < SCORES / 2; i++) {
      Score& weight = weights[i / 2 * 4 + r * 2 + i % 2];
      put(weight, bits(weight) * factor);
    }
    if (!IS_WIDE && hasMaster) {
#pragma unroll
      for (int i = 0; i < SUMS / 2; i++) {
        master[(i / 2 * 4 + r * 2 + i % 2) * (128 * GROUPS)] *= factor;
      }
    }
  }
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
    pack(packed, weights, sixteen);
  }
}

// What the warpgroups that multiply are given.
struct Task {
  int queries;
  int keys;
  int heads;
  int queryTiles;
  const float* queryScales; // [heads, queryStride]
  const float* keyScales; // [heads, groups]
  const float* valueScales; // [heads, 128]
  int queryStride;
  int groups;
  float* parts;
  RowTarget target;
};

// Attends to all works, with references of their first tiles, and notes those for which such a reference
// was too low; or, FOLLOWING, to those that are noted.
template <bool FOLLOWS>
__device__ __forceinline__ void attend(
    const Task& task, const Places& places, Work* works, float* masters, int group,
    Ring<STAGES>& keyRing, Ring<STAGES>& valueRing, Ring<QUERY_STAGES>& queryRing) {
  bool releases = threadIdx.x % 128 == 0;
  for (Work* work = works; work->last > 0; work++) {
    if (FOLLOWS && !work->isNoted()) {
      continue;
    }
    int tile = work->last - 1;
    int firstTile = work->first;
    float* master = masters + threadIdx.x;
    bool hasMaster = false;
    int unpromoted = 0;
    int head = work->item / task.queryTiles;
    const float* keyScaleRow = task.keyScales + static_cast<int64>(head) * task.groups;
    float queryScales[2];
    float keyScales[SCALES];
    {
      int row = work->item % task.queryTiles * QUERIES + group * 64 + threadIdx.x % 128 / 32 * 16 +
          threadIdx.x % 32 / 4;
      const float* from = task.queryScales + static_cast<int64>(head) * task.queryStride + row;
      queryScales[0] = from[0];
      queryScales[1] = from[8];
    }
    auto loadScales = [&](int at) {
#pragma unroll
      for (int i = 0; i < SCALES; i++) {
        keyScales[i] = __ldg(keyScaleRow + at * SCALES + i);
      }
    };
    loadScales(tile);
    float sums[SUMS];
    Score scores[SCORES];
    unsigned int weights[WEIGHTS];
    Rows rows;
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0;
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      sums[i] = 0.0f;
    }
    int at = queryRing.stage * GROUPS + group;
    unsigned int mine = places.query + at * QUERY_BYTES;
    await(places.barriers + QUERY_FULL + 8 * at, queryRing.parity);
    await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
    settle(scores);
    beginProducts();
    score(scores, mine, places.keys + keyRing.stage * TILE_BYTES);
    awaitProducts<0>();
    settle(scores);
    arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
    keyRing.step();
    int left = task.keys - tile * KEYS;
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
          scores[i] = IS_INT8 ? -2147483647 : LOWEST;
        }
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.reference[r] = largest(scores, r, queryScales[r], keyScales) - BASE;
      rows.total[r] = 0.0f;
    }
    exponentiate(scores, weights, rows, queryScales, keyScales);
    if (left < KEYS) { // scores of int8 may be too small to hide
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
          rows.total[i / 2 % 2] -= bits(scores[i]);
          put(scores[i], 0.0f);
        }
      }
#pragma unroll
      for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
        pack(weights, scores, sixteen);
      }
    }
#pragma unroll 1
    while (tile-- > firstTile) {
      loadScales(tile);
      await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      meet<256>(1 + group);
      await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      settle(scores);
      settle(sums);
      beginProducts();
      weigh(sums, weights, places.values + valueRing.stage * VALUE_BYTES);
      score(scores, mine, places.keys + keyRing.stage * TILE_BYTES);
      pass<256>(1 + (group + 1) % GROUPS);
      awaitProducts<1>();
      settle(sums);
      arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
      valueRing.step();
      awaitProducts<0>();
      settle(scores);
      arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
      keyRing.step();
      if (!IS_WIDE && ++unpromoted == PROMOTED) {
        unpromoted = 0;
#pragma unroll
        for (int i = 0; i < SUMS; i++) {
          float& sum = master[i * (128 * GROUPS)];
          sum = hasMaster ? sum + sums[i] : sums[i];
          sums[i] = 0.0f;
        }
        hasMaster = true;
      }
      if constexpr (FOLLOWS) {
        float factors[2];
        follow(scores, sums, rows, queryScales, keyScales, factors);
        if (!IS_WIDE && hasMaster && __any_sync(ALL, factors[0] != 1.0f || factors[1] != 1.0f)) {
#pragma unroll
          for (int i = 0; i < SUMS; i++) {
            master[i * (128 * GROUPS)] *= factors[i / 2 % 2];
          }
        }
      }
      exponentiate(scores, weights, rows, queryScales, keyScales);
      if (!FOLLOWS && isFull(weights, rows)) {
        move(scores, weights, sums, rows, master, hasMaster);
      }
    }
    arriveIf(releases, places.barriers + QUERY_EMPTY + 8 * at);
    queryRing.step();
    await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
    settle(sums);
    beginProducts();
    weigh(sums, weights, places.values + valueRing.stage * VALUE_BYTES);
    awaitProducts<0>();
    settle(sums);
    arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
    valueRing.step();
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.total[r] = reduceLanes<Sum, 4>(rows.total[r]);
    }
    if constexpr (!IS_WIDE) {
#pragma unroll
      for (int i = 0; i < SUMS; i++) {
        sums[i] += hasMaster ? master[i * (128 * GROUPS)] : 0.0f;
        sums[i] *= task.valueScales[head * HEAD_SIZE + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2];
      }
    }
    if constexpr (!FOLLOWS) {
      if (!(fmaxf(rows.total[0], rows.total[1]) <= -LOWEST)) {
        work->again = 1;
      }
    }
    int thread = threadHere();
    int row = thread / 32 * ROWS_OF_WARP + thread % 32 / 4; // of the item
    if (work->part >= 0) {
      leavePart(sums, rows, row, task.parts + partStart(blockIdx.x, work->part), thread);
    } else {
      leave(
          sums, rows, work->item % task.queryTiles * QUERIES + row, task.queries,
          work->item / task.queryTiles, task.heads, work->item * WARPS + thread / 32, task.target, thread);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, int queries, int keys, int heads, const float* queryScales,
    const float* keyScales, const float* valueScales, int queryStride, int groups, int rounds,
    int rest, int shares, float* parts, void* values, float* inverse, float* largest, const float* state,
    int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  unsigned int start = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  Work* works = reinterpret_cast<Work*>(
      dynamic + (start - sharedAddress(dynamic)) + GROUPS * QUERY_BYTES +
      STAGES * (TILE_BYTES + VALUE_BYTES) + MASTER_BYTES);
  float* masters = reinterpret_cast<float*>(
      dynamic + (start - sharedAddress(dynamic)) + GROUPS * QUERY_BYTES +
      STAGES * (TILE_BYTES + VALUE_BYTES));
  int group = agreed(threadIdx.x / 128);
  int queryTiles = (queries + QUERIES - 1) / QUERIES;
  Cut cut = {rounds, rest, shares};
  cut.plan(works, (keys + KEYS - 1) / KEYS);
  if (threadIdx.x == 0) {
    shared.query = start;
    shared.keys = start + QUERY_STAGES * GROUPS * QUERY_BYTES;
    shared.values = shared.keys + STAGES * TILE_BYTES;
    shared.barriers = sharedAddress(barriers);
    for (int i = 0; i < BARRIERS; i++) {
      bool isOfGroups = i >= KEYS_EMPTY / 8 && (i < VALUES_FULL / 8 || i >= VALUES_EMPTY / 8);
      initBarrier(sharedAddress(barriers + i), isOfGroups ? GROUPS : 1);
    }
    fenceBarriers();
  }
  __syncthreads();

  Places places = shared;
  if (group == GROUPS) {
    giveRegisters<COPYING_REGISTERS>();
    Ring<STAGES> ring;
    Ring<QUERY_STAGES> queryRing;
    for (int turn = 0; turn < 2; turn++) {
      if (threadIdx.x == GROUPS * 128) {
        copy(places, works, query, key, value, queryTiles, turn > 0, ring, queryRing);
      }
      if (turn == 0) {
        __syncwarp();
        meet<THREADS>(GROUPS + 1);
      }
    }
  } else {
    takeRegisters<MULTIPLYING_REGISTERS>();
    if (group == GROUPS - 1) {
      pass<256>(1); // the first warpgroup begins
    }
    Task task = {
        queries, keys, heads, queryTiles, queryScales, keyScales, valueScales, queryStride, groups, parts, {values, inverse, largest, state, stride}};
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    Ring<QUERY_STAGES> queryRing;
    attend<false>(task, places, works, masters, group, keyRing, valueRing, queryRing);
    meet<THREADS>(GROUPS + 1);
    attend<true>(task, places, works, masters, group, keyRing, valueRing, queryRing);
  }
}
