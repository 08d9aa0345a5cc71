// The loop of attention's kernels. A block takes QUERIES queries of one head at a time (attention.cuh says
// how items are spread). One warp copies keys and values in tiles, the last tile first, which alone may reach
// beyond the keys (where items attend to lists of tiles, only this warp reads them);
// GROUPS warpgroups of 64 queries multiply. Each asks for the weighted sum of the tile before and for the
// scores of the next, then turns those into weights while the others have the tensor cores: products whose
// left side lies in registers hold up the warp that asks for them. The warpgroups ask in turn, in a ring.
//
// Exponents are relative to the largest score of a row's first tile. Where a score lies so far above it
// that the total is infinite at the end, the work is done again with a reference that follows the largest.
//
// A kernel gives two classes. Maps, which the copying warp copies by:
//   QUERY_BYTES, KEY_BYTES, VALUE_BYTES    of a warpgroup's queries, of a tile of keys and of values, as they
//                                          lie in shared memory
//   COPIED_VALUES                          how many bytes come for values, with what lies elsewhere
//   queries, keys, values(...)             copy them
// and Attending, what a warpgroup's thread holds of an item:
//   begin()               begins with nothing summed
//   score, weigh(...)     ask for products, of scores and of the weighted sum
//   settleScores, settleSums()             tie what products write to a place in the program
//   READERS               how many of a warpgroup tell that values are no longer needed, 1 or 4 warps
//   taken<LAST>(stage)    adds what the products of a tile's weights have brought, the item's LAST or not
//   weighFirst(left)      turns scores of the first tile into weights, `left` keys of which are there
//   weighNext<FOLLOWS>()  turns those of a later one, whose references FOLLOW the largest scores or do not
//   finish()              leaves sums and the rows' totals as they would be in one piece
//   sums(), rows          those
#pragma once
#include "attentionstages.cuh"

constexpr float LOWEST = -3.402823466e38f;

// What is attended to, and where it goes.
struct Task {
  int queries;
  int keys;
  int heads;
  KeyList list;
  float* parts;
  RowTarget target;

  __device__ __forceinline__ int queryTiles() const { return (queries + QUERIES - 1) / QUERIES; }
};

// Copies what all works take, or those that are done again.
template <class Maps>
__device__ __forceinline__ void copy(
    const Places& places, const Work* works, const Maps& maps, const KeyList& list, int queryTiles,
    bool isAgain, Ring<STAGES>& ring, Ring<QUERY_STAGES>& queryRing) {
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
      arriveExpecting(barrier + QUERY_FULL, Maps::QUERY_BYTES);
      maps.queries(places.query + at * Maps::QUERY_BYTES, barrier + QUERY_FULL, head, first + 64 * i);
    }
    queryRing.step();
    for (int tile = work->last - 1; tile >= work->first; tile--) {
      unsigned int barrier = places.barriers + 8 * ring.stage;
      int row = list.tile(work->item, tile) * KEYS;
      await(barrier + KEYS_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + KEYS_FULL, Maps::KEY_BYTES);
      maps.keys(places.keys + ring.stage * Maps::KEY_BYTES, barrier + KEYS_FULL, head, row);
      await(barrier + VALUES_EMPTY, ring.parity ^ 1);
      arriveExpecting(barrier + VALUES_FULL, Maps::COPIED_VALUES);
      maps.values(places.values, ring.stage, barrier + VALUES_FULL, head, row);
      ring.step();
    }
  }
}

// Tells that a stage of values is no longer needed.
template <int READERS>
__device__ __forceinline__ void freeValues(unsigned int barrier) {
  if constexpr (READERS > 1) {
    __syncwarp();
    arriveIf(threadIdx.x % 32 == 0, barrier);
  } else {
    arriveIf(threadIdx.x % 128 == 0, barrier);
  }
}

// Attends to all works, with references of their first tiles, and notes those for which such a reference
// was too low; or, FOLLOWING, to those that are noted.
template <bool FOLLOWS, class Maps, class Attending>
__device__ __forceinline__ void attend(
    const Task& task, const Places& places, Work* works, Attending& mine, int group,
    Ring<STAGES>& keyRing, Ring<STAGES>& valueRing, Ring<QUERY_STAGES>& queryRing) {
  bool releases = threadIdx.x % 128 == 0;
  int queryTiles = task.queryTiles();
  for (Work* work = works; work->last > 0; work++) {
    if (FOLLOWS && !work->isNoted()) {
      continue;
    }
    int tile = work->last - 1;
    int firstTile = work->first;
    int block = task.list.tile(work->item, tile);
    mine.begin();
    int at = queryRing.stage * GROUPS + group;
    unsigned int query = places.query + at * Maps::QUERY_BYTES;
    await(places.barriers + QUERY_FULL + 8 * at, queryRing.parity);
    await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
    mine.settleScores();
    beginProducts();
    mine.score(query, places.keys + keyRing.stage * Maps::KEY_BYTES);
    awaitProducts<0>();
    mine.settleScores();
    arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
    keyRing.step();
    mine.weighFirst(task.keys - block * KEYS);
#pragma unroll 1
    while (tile-- > firstTile) {
      await(places.barriers + KEYS_FULL + 8 * keyRing.stage, keyRing.parity);
      meet<256>(1 + group);
      await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
      mine.settleScores();
      mine.settleSums();
      beginProducts();
      mine.weigh(places.values + valueRing.stage * Maps::VALUE_BYTES);
      mine.score(query, places.keys + keyRing.stage * Maps::KEY_BYTES);
      pass<256>(1 + (group + 1) % GROUPS);
      awaitProducts<1>();
      mine.settleSums();
      mine.template taken<false>(valueRing.stage);
      freeValues<Attending::READERS>(places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
      valueRing.step();
      awaitProducts<0>();
      mine.settleScores();
      arriveIf(releases, places.barriers + KEYS_EMPTY + 8 * keyRing.stage);
      keyRing.step();
      mine.template weighNext<FOLLOWS>();
    }
    arriveIf(releases, places.barriers + QUERY_EMPTY + 8 * at);
    queryRing.step();
    await(places.barriers + VALUES_FULL + 8 * valueRing.stage, valueRing.parity);
    mine.settleSums();
    beginProducts();
    mine.weigh(places.values + valueRing.stage * Maps::VALUE_BYTES);
    awaitProducts<0>();
    mine.settleSums();
    mine.template taken<true>(valueRing.stage);
    freeValues<Attending::READERS>(places.barriers + VALUES_EMPTY + 8 * valueRing.stage);
    valueRing.step();
    mine.finish(work);
    if constexpr (!FOLLOWS) {
      if (!(mine.rows.total[0] + mine.rows.total[1] <= -LOWEST)) { // infinite, or no number
        work->again = 1;
      }
    }
    int thread = threadHere();
    int row = thread / 32 * ROWS_OF_WARP + thread % 32 / 4; // of the item
    if (work->part >= 0) {
      leavePart(mine.sums(), mine.rows, row, task.parts + partStart(blockIdx.x, work->part), thread);
    } else {
      leave(
          mine.sums(), mine.rows, work->item % queryTiles * QUERIES + row, task.queries,
          work->item / queryTiles, task.heads, work->item * WARPS + thread / 32, task.target, thread);
    }
  }
}

// Plans a block's works and lays out its shared memory, whose tiles begin at `start`; returns which
// warpgroup this thread is of.
template <class Maps, class Attending>
__device__ __forceinline__ int begin(
    const Task& task, const Cut& cut, const unsigned char* start, Work* works,
    const unsigned long long* barriers, Places& places) {
  plan(works, cut, (task.keys + KEYS - 1) / KEYS, task.list);
  if (threadIdx.x == 0) {
    places.query = sharedAddress(start);
    places.keys = places.query + QUERY_STAGES * GROUPS * Maps::QUERY_BYTES;
    places.values = places.keys + STAGES * Maps::KEY_BYTES;
    places.barriers = sharedAddress(barriers);
    initBarriers(barriers, GROUPS * Attending::READERS);
  }
  __syncthreads();
  return agreed(threadIdx.x / 128);
}

// What a block does with its `works`, once barriers and list are there.
template <class Maps, class Attending>
__device__ __forceinline__ void work(
    const Task& task, const Places& places, Work* works, const Maps& maps, Attending& mine, int group) {
  if (group == GROUPS) {
    giveRegisters<COPYING_REGISTERS>();
    Ring<STAGES> ring;
    Ring<QUERY_STAGES> queryRing;
    for (int turn = 0; turn < 2; turn++) {
      if (threadIdx.x == GROUPS * 128) {
        copy(places, works, maps, task.list, task.queryTiles(), turn > 0, ring, queryRing);
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
    Ring<STAGES> keyRing;
    Ring<STAGES> valueRing;
    Ring<QUERY_STAGES> queryRing;
    attend<false, Maps>(task, places, works, mine, group, keyRing, valueRing, queryRing);
    meet<THREADS>(GROUPS + 1);
    attend<true, Maps>(task, places, works, mine, group, keyRing, valueRing, queryRing);
  }
}
