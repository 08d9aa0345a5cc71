// softmax(q k' scale) v of heads of 128 with exact scores and 8-bit weights and values: query and key are
// bfloat16 [tokens, heads, 128], values int8, transposed as attention8.cu has them, with a scale for each
// channel and GROUP keys, [heads, groups, 128], and a mean for each channel, [heads, 128].
//
// Weights of a row and tile are unsigned bytes of which the largest is 255, so that their steps are even;
// the int32 sum of a tile is exact, and is added to float32 sums with the tile's scales. Those take as many
// registers as the products' sums, which leaves room for two warpgroups.
//
// A tile of 96 keys of 128 queries is 1,152 cycles of the tensor cores; 12,288 exponentials are 768 of their
// unit, and bringing sums to float32 is 64 conversions and 128 multiplications a thread.
//
// Constants: those of attentionstages.cuh, GROUP.
#include "attentionstages.cuh"

constexpr int SCORES = KEYS / 2; // of a thread
constexpr int WEIGHTS = SCORES / 4; // words
constexpr int TILE_BYTES = 2 * BOX_BYTES; // of keys
constexpr int STEP_BYTES = 32 * HEAD_SIZE; // 32 keys of values
constexpr int VALUE_BYTES = KEYS * HEAD_SIZE;
constexpr int SCALE_BYTES = HEAD_SIZE * 4;
constexpr int QUERY_BYTES = 2 * QUERY_BOX_BYTES;
constexpr float TOP = 255.0f; // of weights
constexpr float BASE = 7.994353437f; // its exponent
constexpr float INTEGERS = 8388608.0f; // 2^23, from which on float32 holds integers alone
constexpr float HEADROOM = 8.0f;
constexpr float MOST = 1.152921504606847e18f; // 2^60
constexpr float LOWEST = -3.402823466e38f;

// ---- the warp that copies

// Copies what all works take, or those that are done again.
__device__ __forceinline__ void copy(
    const Places& places, const Work* works, const TensorMap& query, const TensorMap& key,
    const TensorMap& value, const TensorMap& valueScale, const KeyList& list, int queryTiles, bool isAgain,
    Ring<STAGES>& ring, Ring<QUERY_STAGES>& queryRing) {
  unsigned int scales = places.values + STAGES * VALUE_BYTES;
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
      unsigned int place = places.query + at * QUERY_BYTES;
      await(barrier + QUERY_EMPTY, queryRing.parity ^ 1);
      arriveExpecting(barrier + QUERY_FULL, QUERY_BYTES);
      copyBox(place, query, barrier + QUERY_FULL, 0, head, first + 64 * i, 0);
      copyBox(place + QUERY_BOX_BYTES, query, barrier + QUERY_FULL, 64, head, first + 64 * i, 0);
    }
    queryRing.step();
    for (int tile = work->last - 1; tile >= work->first; tile--) {
      unsigned int barrier = places.barriers + 8 * ring.stage;
      int row = list.tile(work->item, tile) * KEYS;
      unsigned int place = places.keys + ring.stage * TILE_BYTES;
      await(barrier + KEYS_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + KEYS_FULL, TILE_BYTES);
      copyBox(place, key, barrier + KEYS_FULL, 0, head, row, 0);
      copyBox(place + BOX_BYTES, key, barrier + KEYS_FULL, 64, head, row, 0);
      await(barrier + VALUES_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + VALUES_FULL, VALUE_BYTES + SCALE_BYTES);
      place = places.values + ring.stage * VALUE_BYTES;
#pragma unroll
      for (int i = 0; i < KEYS / 32; i++) {
        copyBox(place + i * STEP_BYTES, value, barrier + VALUES_FULL, row + 32 * i, 0, head, 0);
      }
      copyBox(scales + ring.stage * SCALE_BYTES, valueScale, barrier + VALUES_FULL, 0, row / GROUP, head, 0);
      ring.step();
    }
  }
}

// ---- the warpgroups that multiply

// Asks for the scores of 64 queries and a tile of keys.
__device__ __forceinline__ void score(float (&scores)[SCORES], unsigned int query, unsigned int key) {
  unsigned int left = lowerHalf(query);
  unsigned int right = lowerHalf(key);
  Product<KEYS>::add<0>(scores, descriptor(left, 0), descriptor(right, 0));
#pragma unroll
  for (int k = 1; k < HEAD_SIZE / 16; k++) {
    Product<KEYS>::add<1>(
        scores, descriptor(left, k / 4 * QUERY_BOX_BYTES + k % 4 * 32),
        descriptor(right, k / 4 * BOX_BYTES + k % 4 * 32));
  }
  commitProducts();
}

// Asks for the weighted sum of a tile of values.
__device__ __forceinline__ void weigh(
    int (&products)[SUMS], const unsigned int (&weights)[WEIGHTS], unsigned int value) {
  multiplyNarrow<0>(products, weights, stepDescriptor(value));
#pragma unroll
  for (int k = 1; k < KEYS / 32; k++) {
    multiplyNarrow<1>(products, weights + 4 * k, stepDescriptor(value + k * STEP_BYTES));
  }
  commitProducts();
}

// Adds a tile's products to the sums: `factors` are the scales of the rows' weights, `scales` the channels'.
__device__ __forceinline__ void add(
    float (&sums)[SUMS], const int (&products)[SUMS], const float (&factors)[2], const float* scales) {
#pragma unroll
  for (int i = 0; i < SUMS / 4; i++) {
    float2 scale = *reinterpret_cast<const float2*>(scales + 8 * i + threadIdx.x % 4 * 2);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float factor = factors[j / 2] * (j % 2 == 0 ? scale.x : scale.y);
      sums[4 * i + j] += static_cast<float>(products[4 * i + j]) * factor;
    }
  }
}

__device__ __forceinline__ void shrink(float (&sums)[SUMS], int r, float factor) {
#pragma unroll
  for (int i = 0; i < SUMS / 2; i++) {
    sums[i / 2 * 4 + r * 2 + i % 2] *= factor;
  }
}

// Turns scores into weights of which the largest of a row is TOP, and the scale of each row's.
template <bool FOLLOWS, bool BEGINS>
__device__ __forceinline__ void exponentiate(
    float (&scores)[SCORES], unsigned int (&packed)[WEIGHTS], float (&sums)[SUMS], Rows& rows,
    float (&factors)[2], float scale) {
  float most[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float largest = LOWEST;
#pragma unroll
    for (int i = 0; i < SCORES / 2; i++) {
      largest = fmaxf(largest, scores[i / 2 * 4 + r * 2 + i % 2]);
    }
    most[r] = reduceLanes<Largest, 4>(largest) * scale - BASE;
    if constexpr (BEGINS) {
      rows.reference[r] = most[r];
      rows.total[r] = 0.0f;
    } else if constexpr (FOLLOWS) {
      bool grows = most[r] > rows.reference[r] + HEADROOM;
      float factor = grows ? powerOfTwo(rows.reference[r] - most[r]) : 1.0f;
      rows.reference[r] = grows ? most[r] : rows.reference[r];
      rows.total[r] *= factor;
      shrink(sums, r, factor);
    }
    factors[r] = powerOfTwo(most[r] - rows.reference[r]);
  }
  float totals[2] = {0.0f, 0.0f};
#pragma unroll
  for (int sixteen = 0; sixteen < KEYS / 16; sixteen++) {
    unsigned int integers[8];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      int r = i / 2 % 2;
      float weight = powerOfTwo(scores[8 * sixteen + i] * scale - most[r]);
      totals[r] += weight;
      integers[i] = __float_as_uint(weight + INTEGERS);
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      unsigned int lower = __byte_perm(integers[2 * r], integers[2 * r + 1], 0x0040);
      unsigned int upper = __byte_perm(integers[4 + 2 * r], integers[5 + 2 * r], 0x0040);
      packed[sixteen / 2 * 4 + sixteen % 2 * 2 + r] = __byte_perm(lower, upper, 0x5410);
    }
  }
#pragma unroll
  for (int r = 0; r < 2; r++) {
    rows.total[r] += totals[r] * factors[r];
  }
}

// Brings back totals that have passed 2^60, with the sums and the scales of weights that are still to be
// added.
__device__ __forceinline__ void watch(float (&sums)[SUMS], Rows& rows, float (&factors)[2]) {
  bool isLarge = !(fmaxf(rows.total[0], rows.total[1]) < MOST);
  if (__any_sync(ALL, isLarge)) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float total = reduceLanes<Sum, 4>(rows.total[r]);
      int power = total >= MOST ? static_cast<int>(__float_as_uint(total) >> 23) - 127 : 0;
      power = power < 126 ? power : 126;
      float factor = __uint_as_float(static_cast<unsigned int>(127 - power) << 23);
      rows.reference[r] += static_cast<float>(power);
      rows.total[r] *= factor;
      factors[r] *= factor;
      shrink(sums, r, factor);
    }
  }
}

// What the warpgroups that multiply are given.
struct Task {
  int queries;
  int keys;
  int heads;
  int queryTiles;
  float scale;
  const float* valueMeans;
  KeyList list;
  float* parts;
  RowTarget target;
};

// Attends to all works, with references of their first tiles, and notes those for which such a reference
// was too low; or, FOLLOWING, to those that are noted.
template <bool FOLLOWS>
__device__ __forceinline__ void attend(
    const Task& task, const Places& places, Work* works, const float* valueScales, int group,
    Ring<STAGES>& keyRing, Ring<STAGES>& valueRing, Ring<QUERY_STAGES>& queryRing) {
  bool releases = threadIdx.x % 128 == 0;
  for (Work* work = works; work->last > 0; work++) {
    if (FOLLOWS && !work->isNoted()) {
      continue;
    }
    int tile = work->last - 1;
    int firstTile = work->first;
    float sums[SUMS];
    int products[SUMS];
    float scores[SCORES];
    unsigned int weights[WEIGHTS];
    float factors[2];
    Rows rows;
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      sums[i] = 0.0f;
      products[i] = 0;
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
    int left = task.keys - task.list.tile(work->item, tile) * KEYS;
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
          scores[i] = LOWEST;
        }
      }
    }
    exponentiate<FOLLOWS, true>(scores, weights, sums, rows, factors, task.scale);
#pragma unroll 1
    while (tile-- > firstTile) {
      await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      meet<256>(1 + group);
      await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      settle(scores);
      settle(products);
      beginProducts();
      weigh(products, weights, places.values + valueRing.stage * VALUE_BYTES);
      score(scores, mine, places.keys + keyRing.stage * TILE_BYTES);
      pass<256>(1 + (group + 1) % GROUPS);
      awaitProducts<1>();
      settle(products);
      add(sums, products, factors, valueScales + valueRing.stage * HEAD_SIZE);
      __syncwarp();
      arriveIf(threadIdx.x % 32 == 0, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
      valueRing.step();
      awaitProducts<0>();
      settle(scores);
      arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
      keyRing.step();
      exponentiate<FOLLOWS, false>(scores, weights, sums, rows, factors, task.scale);
      if constexpr (!FOLLOWS) {
        watch(sums, rows, factors);
      }
    }
    arriveIf(releases, places.barriers + QUERY_EMPTY + 8 * at);
    queryRing.step();
    await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
    settle(products);
    beginProducts();
    weigh(products, weights, places.values + valueRing.stage * VALUE_BYTES);
    awaitProducts<0>();
    settle(products);
    add(sums, products, factors, valueScales + valueRing.stage * HEAD_SIZE);
    __syncwarp();
    arriveIf(threadIdx.x % 32 == 0, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
    valueRing.step();
    int head = work->item / task.queryTiles;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.total[r] = reduceLanes<Sum, 4>(rows.total[r]);
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      int channel = head * HEAD_SIZE + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2;
      sums[i] += rows.total[i / 2 % 2] * task.valueMeans[channel];
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
          sums, rows, work->item % task.queryTiles * QUERIES + row, task.queries, head, task.heads,
          work->item * WARPS + thread / 32, task.target, thread);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, const __grid_constant__ TensorMap valueScale, int queries,
    int keys, int heads, float scale, const float* valueMeans, int rounds, int rest, int shares,
    const int* counts, const int* tiles, int most, float* parts, void* values, float* inverse,
    float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  unsigned int start = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  const float* valueScales = reinterpret_cast<const float*>(
      dynamic + (start - sharedAddress(dynamic)) + QUERY_STAGES * GROUPS * QUERY_BYTES +
      STAGES * (TILE_BYTES + VALUE_BYTES));
  Work* works = reinterpret_cast<Work*>(
      dynamic + (start - sharedAddress(dynamic)) + QUERY_STAGES * GROUPS * QUERY_BYTES +
      STAGES * (TILE_BYTES + VALUE_BYTES + SCALE_BYTES));
  int group = agreed(threadIdx.x / 128);
  int queryTiles = (queries + QUERIES - 1) / QUERIES;
  Cut cut = {rounds, rest, shares};
  KeyList list = {counts, tiles, most};
  plan(works, cut, (keys + KEYS - 1) / KEYS, list);
  if (threadIdx.x == 0) {
    shared.query = start;
    shared.keys = start + QUERY_STAGES * GROUPS * QUERY_BYTES;
    shared.values = shared.keys + STAGES * TILE_BYTES;
    shared.barriers = sharedAddress(barriers);
    initBarriers(barriers, 4 * GROUPS); // each warp reads scales
  }
  __syncthreads();

  Places places = shared;
  if (group == GROUPS) {
    giveRegisters<COPYING_REGISTERS>();
    Ring<STAGES> ring;
    Ring<QUERY_STAGES> queryRing;
    for (int turn = 0; turn < 2; turn++) {
      if (threadIdx.x == GROUPS * 128) {
        copy(places, works, query, key, value, valueScale, list, queryTiles, turn > 0, ring, queryRing);
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
        queries, keys, heads, queryTiles, scale, valueMeans, list, parts,
        {values, inverse, largest, state, stride}};
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    Ring<QUERY_STAGES> queryRing;
    attend<false>(task, places, works, valueScales, group, keyRing, valueRing, queryRing);
    meet<THREADS>(GROUPS + 1);
    attend<true>(task, places, works, valueScales, group, keyRing, valueRing, queryRing);
  }
}
