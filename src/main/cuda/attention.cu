// softmax(q k' scale) v of heads of 64 or 128 in bfloat16: query [queries, heads, HEAD_SIZE], key and value
// [keys, heads, HEAD_SIZE] and target [queries, heads, HEAD_SIZE], summed in float32. It leaves as bfloat16
// or as E4M3 of a known scale, each also with the largest magnitude of what every warp wrote, or as E4M3
// with a scale for each row of a head, which is a 1 x 128 piece.
//
// The loop is attentionloop.cuh's, with three warpgroups: two could not hide the exponentials.
//
// Exponents are relative to the largest score of a row's first tile, and no later maximum is taken:
// weights have float32's range also as bfloat16, so that a reference far off costs no accuracy. Only the
// total of a row is watched: past 2^60, it and the sums are brought back by a power of two, which is
// exact.
//
// A tile of 80 keys of heads of 128 is 2 x 192 x 80 x 128 multiplications, 1,920 cycles of the tensor
// cores, and 15,360 exponentials, 960 cycles of their unit; 40 KB come from the second cache, 21 bytes a
// cycle. A thread holds 40 scores, 20 pairs of weights and 64 sums in registers; 96 keys would leave too
// few of those, and products would be awaited one by one. Over few keys, where the ends of an item count,
// tiles are of 64 keys and there is room for the queries of the next item.
//
// Constants: those of attentionstages.cuh.
#include "attentionloop.cuh"
#include "attentionweights.cuh"

constexpr int BOXES = HEAD_SIZE / 64; // of a tile
constexpr int TILE_BYTES = BOXES * BOX_BYTES;

struct Maps {
  static constexpr int QUERY_BYTES = BOXES * QUERY_BOX_BYTES;
  static constexpr int KEY_BYTES = TILE_BYTES;
  static constexpr int VALUE_BYTES = TILE_BYTES;
  static constexpr int COPIED_VALUES = TILE_BYTES;

  const TensorMap& query;
  const TensorMap& key;
  const TensorMap& value;

  template <int BYTES>
  __device__ __forceinline__ static void rows(
      unsigned int place, const TensorMap& map, unsigned int full, int head, int row) {
#pragma unroll
    for (int i = 0; i < BOXES; i++) {
      copyBox(place + i * BYTES, map, full, 64 * i, head, row, 0);
    }
  }

  __device__ __forceinline__ void queries(unsigned int place, unsigned int full, int head, int row) const {
    rows<QUERY_BOX_BYTES>(place, query, full, head, row);
  }

  __device__ __forceinline__ void keys(unsigned int place, unsigned int full, int head, int row) const {
    rows<BOX_BYTES>(place, key, full, head, row);
  }

  __device__ __forceinline__ void values(
      unsigned int start, int stage, unsigned int full, int head, int row) const {
    rows<BOX_BYTES>(start + stage * VALUE_BYTES, value, full, head, row);
  }
};

struct Attending {
  static constexpr int READERS = 1;

  float scale;
  float summed[SUMS];
  float scores[SCORES];
  unsigned int weights[SCORES / 2];
  Rows rows;

  __device__ __forceinline__ explicit Attending(float scale) : scale(scale) {}

  __device__ __forceinline__ float (&sums())[SUMS] { return summed; }

  __device__ __forceinline__ void begin() {
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      summed[i] = 0.0f;
    }
  }

  __device__ __forceinline__ void settleScores() { settle(scores); }

  __device__ __forceinline__ void settleSums() { settle(summed); }

  __device__ __forceinline__ void score(unsigned int query, unsigned int key) {
    unsigned int left = lowerHalf(query);
    unsigned int right = lowerHalf(key);
    Product<KEYS>::template add<0>(scores, descriptor(left, 0), descriptor(right, 0));
#pragma unroll
    for (int k = 1; k < HEAD_SIZE / 16; k++) {
      Product<KEYS>::template add<1>(
          scores, descriptor(left, k / 4 * QUERY_BOX_BYTES + k % 4 * 32),
          descriptor(right, k / 4 * BOX_BYTES + k % 4 * 32));
    }
    commitProducts();
  }

  __device__ __forceinline__ void weigh(unsigned int value) {
    unsigned int right = lowerHalf(value);
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      multiplyRegisters(summed, weights + 4 * k, descriptor(right, k * 16 * ROW_BYTES));
    }
    commitProducts();
  }

  template <bool LAST>
  __device__ __forceinline__ void taken(int) {} // products add to the sums themselves

  __device__ __forceinline__ void weighFirst(int left) {
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        scores[i] = isThere(i, left) ? scores[i] : LOWEST;
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      rows.reference[r] = largest(scores, r, scale);
      rows.total[r] = 0.0f;
    }
    exponentiate(scores, weights, rows, scale);
  }

  template <bool FOLLOWS>
  __device__ __forceinline__ void weighNext() {
    if constexpr (FOLLOWS) {
      follow(scores, summed, rows, scale);
    }
    exponentiate(scores, weights, rows, scale);
    if constexpr (!FOLLOWS) {
      watch(scores, weights, summed, rows);
    }
  }

  __device__ __forceinline__ void finish(const Work*) { rows.reduce(); }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, int queries, int keys, int heads, float scale, int rounds,
    int rest, int shares, const int* counts, const int* tiles, int most, float* parts, void* values,
    float* inverse, float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  Task task = {queries, keys, heads, {counts, tiles, most}, parts, {values, inverse, largest, state, stride}};
  unsigned char* start = aligned(dynamic);
  Work* works = reinterpret_cast<Work*>(start + Places::bytes<Maps>());
  int group = begin<Maps, Attending>(task, {rounds, rest, shares}, start, works, barriers, shared);
  Places places = shared;
  Attending mine(scale);
  work<Maps>(task, places, works, {query, key, value}, mine, group);
}
