// softmax(q k' scale) v of heads of 64 or 128 in bfloat16: query [queries, heads, HEAD_SIZE], key and value
// [keys, heads, HEAD_SIZE] and target [queries, heads, HEAD_SIZE], summed in float32. It leaves as bfloat16
// or as E4M3 of a known scale, each also with the largest magnitude of what every warp wrote, or as E4M3
// with a scale for each row of a head, which is a 1 x 128 piece.
//
// A block takes 192 queries of one head at a time (attention.cuh says how items are spread). One warp
// copies keys and values in tiles, the last tile first, which alone may reach beyond the keys (where
// items attend to lists of tiles, only this warp reads them); three
// warpgroups of 64 queries multiply. Each asks for the weighted sum of the tile before and for the scores
// of the next, then turns those into weights while the other two have the tensor cores: products whose
// left side lies in registers hold up the warp that asks for them, so that two warpgroups could not hide
// the exponentials. The warpgroups ask in turn, in a ring.
//
// Exponents are relative to the largest score of a row's first tile, and no later maximum is taken:
// weights have float32's range also as bfloat16, so that a reference far off costs no accuracy. Only the
// total of a row is watched: past 2^60, it and the sums are brought back by a power of two, which is
// exact. Where a score lies so far above the reference that the total becomes infinite, that is found at
// the end, and the work is done again with a reference that follows the largest score.
//
// A tile of 80 keys of heads of 128 is 2 x 192 x 80 x 128 multiplications, 1,920 cycles of the tensor
// cores, and 15,360 exponentials, 960 cycles of their unit; 40 KB come from the second cache, 21 bytes a
// cycle. A thread holds 40 scores, 20 pairs of weights and 64 sums in registers; 96 keys would leave too
// few of those, and products would be awaited one by one. Over few keys, where the ends of an item count,
// tiles are of 64 keys and there is room for the queries of the next item.
//
// Constants: those of attentionstages.cuh.
#include "attentionweights.cuh"

constexpr int BOXES = HEAD_SIZE / 64; // of a tile
constexpr int TILE_BYTES = BOXES * BOX_BYTES;
constexpr int QUERY_BYTES = BOXES * QUERY_BOX_BYTES;

// ---- the warp that copies

// Copies rows of a head.
__device__ __forceinline__ void copyRows(
    unsigned int place, int bytes, const TensorMap& map, unsigned int full, int head, int row) {
  arriveExpecting(full, bytes);
#pragma unroll
  for (int i = 0; i < BOXES; i++) {
    copyBox(place + i * (bytes / BOXES), map, full, 64 * i, head, row, 0);
  }
}

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
      copyRows(
          places.query + at * QUERY_BYTES, QUERY_BYTES, query, barrier + QUERY_FULL, head,
          first + 64 * i);
    }
    queryRing.step();
    for (int tile = work->last - 1; tile >= work->first; tile--) {
      unsigned int barrier = places.barriers + 8 * ring.stage;
      int at = ring.stage * TILE_BYTES;
      int row = list.tile(work->item, tile) * KEYS;
      await(barrier + KEYS_EMPTY, ring.parity ^ 1);
      copyRows(places.keys + at, TILE_BYTES, key, barrier + KEYS_FULL, head, row);
      await(barrier + VALUES_EMPTY, ring.parity ^ 1);
      copyRows(places.values + at, TILE_BYTES, value, barrier + VALUES_FULL, head, row);
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
    float (&sums)[SUMS], const unsigned int (&weights)[SCORES / 2], unsigned int value) {
  unsigned int right = lowerHalf(value);
#pragma unroll
  for (int k = 0; k < KEYS / 16; k++) {
    multiplyRegisters(sums, weights + 4 * k, descriptor(right, k * 16 * ROW_BYTES));
  }
  commitProducts();
}

// What the warpgroups that multiply are given.
struct Task {
  int queries;
  int keys;
  int heads;
  int queryTiles;
  float scale;
  KeyList list;
  float* parts;
  RowTarget target;
};

// Attends to all works, with references of their first tiles, and notes those for which such a reference
// was too low; or, FOLLOWING, to those that are noted.
template <bool FOLLOWS>
__device__ __forceinline__ void attend(
    const Task& task, const Places& places, Work* works, int group,
    Ring<STAGES>& keyRing, Ring<STAGES>& valueRing, Ring<QUERY_STAGES>& queryRing) {
  bool releases = threadIdx.x % 128 == 0;
  for (Work* work = works; work->last > 0; work++) {
    if (FOLLOWS && !work->isNoted()) {
      continue;
    }
    int tile = work->last - 1;
    int firstTile = work->first;
    float sums[SUMS];
    float scores[SCORES];
    unsigned int weights[SCORES / 2];
    Rows rows;
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0.0f;
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
    int left = task.keys - task.list.tile(work->item, tile) * KEYS;
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        if (i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2 >= left) {
          scores[i] = LOWEST;
        }
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.reference[r] = largest(scores, r, task.scale);
      rows.total[r] = 0.0f;
    }
    exponentiate(scores, weights, rows, task.scale);
#pragma unroll 1
    while (tile-- > firstTile) {
      await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      meet<256>(1 + group);
      await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      settle(scores);
      settle(sums);
      beginProducts();
      weigh(sums, weights, places.values + valueRing.stage * TILE_BYTES);
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
      if constexpr (FOLLOWS) {
        follow(scores, sums, rows, task.scale);
      }
      exponentiate(scores, weights, rows, task.scale);
      if constexpr (!FOLLOWS) {
        watch(scores, weights, sums, rows);
      }
    }
    arriveIf(releases, places.barriers + QUERY_EMPTY + 8 * at);
    queryRing.step();
    await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
    settle(sums);
    beginProducts();
    weigh(sums, weights, places.values + valueRing.stage * TILE_BYTES);
    awaitProducts<0>();
    settle(sums);
    arriveIf(releases, places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
    valueRing.step();
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.total[r] = reduceLanes<Sum, 4>(rows.total[r]);
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
    const __grid_constant__ TensorMap value, int queries, int keys, int heads, float scale, int rounds,
    int rest, int shares, const int* counts, const int* tiles, int most, float* parts, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  unsigned int start = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  Work* works = reinterpret_cast<Work*>(
      dynamic + (start - sharedAddress(dynamic)) + QUERY_STAGES * GROUPS * QUERY_BYTES +
      2 * STAGES * TILE_BYTES);
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
        queries, keys, heads, queryTiles, scale, list, parts,
        {values, inverse, largest, state, stride}};
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    Ring<QUERY_STAGES> queryRing;
    attend<false>(task, places, works, group, keyRing, valueRing, queryRing);
    meet<THREADS>(GROUPS + 1);
    attend<true>(task, places, works, group, keyRing, valueRing, queryRing);
  }
}
