// softmax(q k' scale) v of heads of 128 with queries and keys of 8 bits, and values of 8 or 16: the loop of
// attention.cu. Query and key [tokens, heads, 128] are int8 or E4M3, with a scale for each query of a head,
// [queries, heads], and for each GROUP keys, [heads, keyStride]. Values are bfloat16 [keys, heads, 128], or
// E4M3 transposed, [heads, 128, keys], with a scale and a mean for each channel, [heads, 128]; their keys
// lie in the order 0 1 8 9 2 3 10 11 4 5 12 13 6 7 14 15 of each sixteen, so that weights as they lie in
// registers are a product's left side (thu-ml/SageAttention d1a57a5, sageattention/quant.py).
//
// Sums of E4M3 products keep some 14 bits behind the largest number, so every PROMOTED tiles they are added
// to float32 sums in shared memory, where each thread has places of its own; and what all values of a
// channel have in common, their mean, is added only at the end.
//
// A tile of 96 keys is 1,152 cycles of the tensor cores and as many of the exponentials' unit; 24 KB come
// from the second cache.
//
// Constants: those of attention8weights.cuh, PROMOTED.
#include "attention8weights.cuh"

constexpr int TILE_BYTES = BOX_BYTES; // of keys
constexpr int STEP_VALUES = 32 * HEAD_SIZE; // 32 keys of E4M3 values, then eight rows of ones
constexpr int STEP_ONES = 32 * 8;
constexpr int STEP_BYTES = STEP_VALUES + STEP_ONES;
constexpr int VALUE_BYTES = IS_WIDE ? 2 * BOX_BYTES : KEYS / 32 * STEP_BYTES;
constexpr int COPIED_VALUES = IS_WIDE ? VALUE_BYTES : KEYS * HEAD_SIZE;
constexpr int CONSUMERS = 128 * GROUPS;
constexpr int MASTER_BYTES = IS_WIDE ? 0 : CONSUMERS * (SUMS + 2) * 4;
constexpr int QUERY_BYTES = QUERY_BOX_BYTES;

// With bfloat16 weights two thirds of a tile's products are those with values, so that scores are asked for
// before and become weights beside them. With E4M3 ones that gains nothing.
constexpr bool SCORES_FIRST = IS_WIDE;

// Whether the barriers of the next tile are awaited while products are computed. Where tiles are listed, they
// come later than that.
constexpr bool AWAITS_AHEAD = !LISTED;

// ---- the warp that copies

// Copies what all works take, or those that are done again.
__device__ __forceinline__ void copy(
    const Places& places, const Work* works, const TensorMap& query, const TensorMap& key,
    const TensorMap& value, const KeyList& list, int queryTiles, bool isAgain, Ring<STAGES>& ring,
    Ring<QUERY_STAGES>& queryRing) {
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
      int row = list.tile(work->item, tile) * KEYS;
      await(barrier + KEYS_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + KEYS_FULL, TILE_BYTES);
      copyBox(places.keys + ring.stage * TILE_BYTES, key, barrier + KEYS_FULL, 0, head, row, 0);
      await(barrier + VALUES_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + VALUES_FULL, COPIED_VALUES);
      unsigned int place = places.values + ring.stage * VALUE_BYTES;
      if constexpr (IS_WIDE) {
        copyBox(place, value, barrier + VALUES_FULL, 0, head, row, 0);
        copyBox(place + BOX_BYTES, value, barrier + VALUES_FULL, 64, head, row, 0);
      } else {
#pragma unroll
        for (int i = 0; i < KEYS / 32; i++) {
          copyBox(place + i * STEP_BYTES, value, barrier + VALUES_FULL, row + 32 * i, 0, head, 0);
        }
      }
      ring.step();
    }
  }
}

// ---- the warpgroups that multiply

// Asks for the scores of 64 queries and a tile of keys.
__device__ __forceinline__ void score(Score (&scores)[SCORES], unsigned int query, unsigned int key) {
  unsigned int left = lowerHalf(query);
  unsigned int right = lowerHalf(key);
  NarrowProduct<KEYS>::add<0>(scores, descriptor(left, 0), descriptor(right, 0));
#pragma unroll
  for (int k = 1; k < HEAD_SIZE / 32; k++) {
    NarrowProduct<KEYS>::add<1>(scores, descriptor(left, k * 32), descriptor(right, k * 32));
  }
  commitProducts();
}

// Asks for the weighted sum of a tile of values, added to the sums where `adds`.
__device__ __forceinline__ void weigh(
    Sums& sums, const unsigned int (&weights)[WEIGHTS], unsigned int value, bool adds) {
  if constexpr (IS_WIDE) {
    unsigned int right = lowerHalf(value);
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      multiplyRegisters(sums.values, weights + 4 * k, descriptor(right, k * 16 * ROW_BYTES));
    }
  } else {
#pragma unroll
    for (int k = 0; k < KEYS / 32; k++) {
      multiplyNarrow(
          sums.values, sums.counts, weights + 4 * k, stepDescriptor(value + k * STEP_BYTES), k > 0 || adds);
    }
  }
  commitProducts();
}

// Waits for the stage behind the one at which a ring stands.
__device__ __forceinline__ void awaitNext(unsigned int full, Ring<STAGES> ring) {
  ring.step();
  await(full + 8 * ring.stage, ring.parity);
}

__device__ __forceinline__ void settle(Sums& sums) {
  settle(sums.values);
  if constexpr (!IS_WIDE) {
    settle(sums.counts);
  }
}

// Stores ones and zeros behind the values of each step, which nothing overwrites: of the eight columns that
// these become one sums the step's weights. So a column is added to once in eight steps, and loses an eighth
// of what rounding to its 14 bits takes from a sum without negative terms.
__device__ __forceinline__ void storeOnes(unsigned char* values) {
  constexpr int WORDS = STAGES * (KEYS / 32) * STEP_ONES / 4;
  for (int i = static_cast<int>(threadIdx.x); i < WORDS; i += THREADS) {
    int step = i / (STEP_ONES / 4);
    int word = i % (STEP_ONES / 4);
    *reinterpret_cast<unsigned int*>(values + step * STEP_BYTES + STEP_VALUES + word * 4) =
        word / 8 == step % 8 ? 0x38383838u : 0u;
  }
  fenceStores();
}

// What the warpgroups that multiply are given.
struct Task {
  int queries;
  int keys;
  int heads;
  int queryTiles;
  float scale;
  const float* queryScales;
  const float* keyScales;
  const float* valueScales;
  const float* valueMeans;
  int keyStride;
  KeyList list;
  float* parts;
  RowTarget target;
};

// The float32 sums of a thread in shared memory: of values by fours, then what it has of two rows' totals.
struct Masters {
  float4* values;
  float2* totals;

  __device__ __forceinline__ static Masters of(void* start, int thread) {
    float4* values = static_cast<float4*>(start);
    return {values + thread, reinterpret_cast<float2*>(values + CONSUMERS * SUMS / 4) + thread};
  }

  __device__ __forceinline__ void clear() const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      values[i * CONSUMERS] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
    *totals = make_float2(0.0f, 0.0f);
  }

  // Adds sums of E4M3 products, which then begin anew.
  __device__ __forceinline__ void add(const Sums& sums, Lag& lag) const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      float4 waiting = values[i * CONSUMERS];
      waiting.x = waiting.x * lag.factor[0] + sums.values[4 * i];
      waiting.y = waiting.y * lag.factor[0] + sums.values[4 * i + 1];
      waiting.z = waiting.z * lag.factor[1] + sums.values[4 * i + 2];
      waiting.w = waiting.w * lag.factor[1] + sums.values[4 * i + 3];
      values[i * CONSUMERS] = waiting;
    }
    float2 total = *totals;
    total.x = total.x * lag.factor[0] + sums.count(0);
    total.y = total.y * lag.factor[1] + sums.count(1);
    *totals = total;
    lag.factor[0] = 1.0f;
    lag.factor[1] = 1.0f;
  }

  // Adds what waits here to the last sums, in registers.
  __device__ __forceinline__ void finish(Sums& sums, Rows& rows, const Lag& lag) const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      float4 waiting = values[i * CONSUMERS];
      sums.values[4 * i] += waiting.x * lag.factor[0];
      sums.values[4 * i + 1] += waiting.y * lag.factor[0];
      sums.values[4 * i + 2] += waiting.z * lag.factor[1];
      sums.values[4 * i + 3] += waiting.w * lag.factor[1];
    }
    float2 total = *totals;
    rows.total[0] = total.x * lag.factor[0] + sums.count(0);
    rows.total[1] = total.y * lag.factor[1] + sums.count(1);
  }
};

// Attends to all works, with references of their first tiles, and notes those for which such a reference
// was too low; or, FOLLOWING, to those that are noted.
template <bool FOLLOWS>
__device__ __forceinline__ void attend(
    const Task& task, const Places& places, Work* works, void* masters, int group,
    Ring<STAGES>& keyRing, Ring<STAGES>& valueRing, Ring<QUERY_STAGES>& queryRing) {
  bool releases = threadIdx.x % 128 == 0;
  for (Work* work = works; work->last > 0; work++) {
    if (FOLLOWS && !work->isNoted()) {
      continue;
    }
    int tile = work->last - 1;
    int firstTile = work->first;
    int head = work->item / task.queryTiles;
    int unpromoted = 0;
    Lag lag = {{1.0f, 1.0f}};
    const float* keyScales = task.keyScales + static_cast<int64>(head) * task.keyStride;
    int lastGroup = (task.keys - 1) / GROUP;
    Scales scales;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int row = work->item % task.queryTiles * QUERIES + group * 64 + threadIdx.x % 128 / 32 * 16 +
          threadIdx.x % 32 / 4 + 8 * r;
      int64 at = static_cast<int64>(row < task.queries ? row : 0) * task.heads + head;
      scales.query[r] = task.queryScales[at] * task.scale;
    }
    int block = task.list.tile(work->item, tile);
    int left = task.keys - block * KEYS;
#pragma unroll
    for (int i = 0; i < SCALES; i++) {
      int at = Scales::group(block, i);
      scales.key[i] = __ldg(keyScales + (at < lastGroup ? at : lastGroup));
    }
    Sums sums = {};
    Score scores[SCORES];
    unsigned int weights[WEIGHTS];
    Rows rows;
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0;
    }
    if constexpr (!IS_WIDE) {
      Masters::of(masters, threadHere()).clear();
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
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
          scores[i] = IS_INTEGER ? LOWEST_INTEGER : LOWEST;
        }
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.reference[r] = largest(scores, r, scales) - BEGINNING;
      rows.total[r] = 0.0f;
    }
    exponentiate(scores, weights, rows, scales);
    if (left < KEYS) {
      takeBack(scores, weights, rows, left); // where scales are tiny, even such scores leave weights
    }
    if (tile > firstTile) {
      scales.load(keyScales, task.list.tile(work->item, tile - 1));
    }
    if constexpr (AWAITS_AHEAD) {
      await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      if (tile > firstTile) {
        await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      }
    }
#pragma unroll 1
    while (tile-- > firstTile) {
      if constexpr (!AWAITS_AHEAD) {
        await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      }
      meet<256>(1 + group);
      if constexpr (!AWAITS_AHEAD) {
        await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      }
      settle(scores);
      settle(sums);
      beginProducts();
      if constexpr (SCORES_FIRST) {
        score(scores, mine, places.keys + keyRing.stage * TILE_BYTES);
      }
      weigh(sums, weights, places.values + valueRing.stage * VALUE_BYTES, unpromoted > 0);
      if constexpr (!SCORES_FIRST) {
        score(scores, mine, places.keys + keyRing.stage * TILE_BYTES);
      }
      pass<256>(1 + (group + 1) % GROUPS);
      if constexpr (AWAITS_AHEAD) {
        awaitNext(places.barriers + VALUES_FULL, valueRing);
        if (tile > firstTile) {
          awaitNext(places.barriers + KEYS_FULL, keyRing);
        }
      }
      awaitProducts<1>();
      if constexpr (SCORES_FIRST) {
        settle(scores);
        arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
        keyRing.step();
        if constexpr (!FOLLOWS) {
          exponentiate(scores, rows, scales); // while the weighted sum is computed
          settle(scores);
        }
        awaitProducts<0>();
        settle(sums);
        settle(weights);
        arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
        valueRing.step();
        if constexpr (FOLLOWS) {
          follow(scores, sums, rows, lag, scales);
          exponentiate(scores, rows, scales);
        }
        pack(weights, scores);
      } else {
        settle(sums);
        arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
        valueRing.step();
        awaitProducts<0>();
        settle(scores);
        arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
        keyRing.step();
        if (++unpromoted == PROMOTED) {
          unpromoted = 0;
          Masters::of(masters, threadHere()).add(sums, lag);
        }
        if constexpr (FOLLOWS) {
          follow(scores, sums, rows, lag, scales);
        }
        exponentiate(scores, weights, rows, scales);
      }
      if (tile > firstTile) {
        scales.load(keyScales, task.list.tile(work->item, tile - 1));
      }
      if (!FOLLOWS && isFull(weights, rows)) {
        bringBack(scores, weights, sums, rows, lag);
      }
    }
    arriveIf(releases, places.barriers + QUERY_EMPTY + 8 * at);
    queryRing.step();
    await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
    settle(sums);
    beginProducts();
    weigh(sums, weights, places.values + valueRing.stage * VALUE_BYTES, unpromoted > 0);
    awaitProducts<0>();
    settle(sums);
    arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
    valueRing.step();
    int thread = threadHere();
    if constexpr (IS_WIDE) {
      rows.reduce();
    } else {
      Masters::of(masters, thread).finish(sums, rows, lag);
      rows.reduce();
      int first = work->item / task.queryTiles * HEAD_SIZE + thread % 4 * 2; // of this thread's channels
#pragma unroll
      for (int i = 0; i < SUMS; i += 2) {
        int r = i / 2 % 2;
        float scale[2];
        float mean[2];
        load<FLOAT32, 2>(task.valueScales, first + i / 4 * 8, scale);
        load<FLOAT32, 2>(task.valueMeans, first + i / 4 * 8, mean);
#pragma unroll
        for (int j = 0; j < 2; j++) {
          sums.values[i + j] = sums.values[i + j] * scale[j] + rows.total[r] * mean[j];
        }
      }
    }
    if constexpr (!FOLLOWS) {
      if (!(rows.total[0] + rows.total[1] <= -LOWEST)) { // infinite, or no number
        work->again = 1;
      }
    }
    int row = thread / 32 * ROWS_OF_WARP + thread % 32 / 4; // of the item
    if (work->part >= 0) {
      leavePart(sums.values, rows, row, task.parts + partStart(blockIdx.x, work->part), thread);
    } else {
      leave(
          sums.values, rows, work->item % task.queryTiles * QUERIES + row, task.queries,
          work->item / task.queryTiles, task.heads, work->item * WARPS + thread / 32, task.target, thread);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, int queries, int keys, int heads, float scale,
    const float* queryScales, const float* keyScales, const float* valueScales, const float* valueMeans,
    int keyStride, int rounds, int rest, int shares, const int* counts, const int* tiles, int most,
    float* parts, void* values, float* inverse, float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  unsigned int start = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  unsigned char* valuesHere = dynamic + (start - sharedAddress(dynamic)) +
      QUERY_STAGES * GROUPS * QUERY_BYTES + STAGES * TILE_BYTES;
  unsigned char* masters = valuesHere + STAGES * VALUE_BYTES;
  Work* works = reinterpret_cast<Work*>(masters + MASTER_BYTES);
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
    initBarriers(barriers);
  }
  if constexpr (!IS_WIDE) {
    storeOnes(valuesHere);
  }
  __syncthreads();

  Places places = shared;
  if (group == GROUPS) {
    giveRegisters<COPYING_REGISTERS>();
    Ring<STAGES> ring;
    Ring<QUERY_STAGES> queryRing;
    for (int turn = 0; turn < 2; turn++) {
      if (threadIdx.x == GROUPS * 128) {
        copy(places, works, query, key, value, list, queryTiles, turn > 0, ring, queryRing);
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
        queries, keys, heads, queryTiles, scale, queryScales, keyScales, valueScales, valueMeans,
        keyStride, list, parts, {values, inverse, largest, state, stride}};
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    Ring<QUERY_STAGES> queryRing;
    attend<false>(task, places, works, masters, group, keyRing, valueRing, queryRing);
    meet<THREADS>(GROUPS + 1);
    attend<true>(task, places, works, masters, group, keyRing, valueRing, queryRing);
  }
}
