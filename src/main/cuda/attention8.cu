// softmax(q k' scale) v of heads of 128 with queries and keys of 8 bits, and values of 8 or 16, by
// attentionloop.cuh. Query and key [tokens, heads, 128] are int8 or E4M3, with a scale for each query of a head,
// [queries, heads], and for each GROUP keys, [heads, keyStride]. Values are bfloat16 [keys, heads, 128], or
// E4M3 transposed, [heads, 128, keys], with a scale and a mean for each channel, [heads, 128]; their keys
// lie in the order 0 1 8 9 2 3 10 11 4 5 12 13 6 7 14 15 of each sixteen, so that weights as they lie in
// registers are a product's left side (thu-ml/SageAttention d1a57a5, sageattention/quant.py).
//
// Sums of E4M3 products keep some 14 bits behind the largest number, so every PROMOTED tiles they are added
// to float32 sums in shared memory, where each thread has places of its own; totals, of which no term is
// negative, after every tile; and what all values of a channel have in common, their mean less that of
// their codes, only at the end.
//
// A tile of 96 keys is 1,152 cycles of the tensor cores and as many of the exponentials' unit; 24 KB come
// from the second cache.
//
// Constants: those of attention8weights.cuh, PROMOTED.
#include "attention8weights.cuh"

constexpr int STEP_BYTES = 32 * HEAD_SIZE; // 32 keys of E4M3 values
constexpr int SCALE_BYTES = (SCALES + 3) / 4 * 16; // of a tile's keys, in whole sixteens
constexpr int SCALE_PLACE = (SCALE_BYTES + 127) / 128 * 128; // where copies may begin
constexpr int ONES_BYTES = IS_WIDE ? 0 : 8 * 32;
constexpr int CONSUMERS = 128 * GROUPS;
constexpr int MASTER_BYTES = IS_WIDE ? 0 : CONSUMERS * SUMS * 4;

struct Maps {
  static constexpr int QUERY_BYTES = QUERY_BOX_BYTES;
  static constexpr int KEY_BYTES = BOX_BYTES;
  static constexpr int VALUE_BYTES = IS_WIDE ? 2 * BOX_BYTES : KEYS * HEAD_SIZE;
  static constexpr int COPIED_KEYS = KEY_BYTES + SCALE_BYTES;
  static constexpr int COPIED_VALUES = VALUE_BYTES;

  const TensorMap& query;
  const TensorMap& key;
  const TensorMap& keyScale;
  const TensorMap& value;
  int keyStride; // of scales, from head to head

  __device__ __forceinline__ void queries(unsigned int place, unsigned int full, int head, int row) const {
    copyBox(place, query, full, 0, head, row, 0);
  }

  // Scales lie behind the values of all stages.
  __device__ __forceinline__ void keys(
      unsigned int start, int stage, unsigned int full, int head, int row) const {
    copyBox(start + stage * KEY_BYTES, key, full, 0, head, row, 0);
    copyBox(
        start + STAGES * (KEY_BYTES + VALUE_BYTES) + stage * SCALE_PLACE, keyScale, full,
        head * keyStride + row / GROUP, 0, 0, 0);
  }

  __device__ __forceinline__ void values(
      unsigned int start, int stage, unsigned int full, int head, int row) const {
    unsigned int place = start + stage * VALUE_BYTES;
    if constexpr (IS_WIDE) {
      copyBox(place, value, full, 0, head, row, 0);
      copyBox(place + BOX_BYTES, value, full, 64, head, row, 0);
    } else {
#pragma unroll
      for (int i = 0; i < KEYS / 32; i++) {
        copyBox(place + i * STEP_BYTES, value, full, row + 32 * i, 0, head, 0);
      }
    }
  }
};

// Stores eight rows of ones, whose product with weights is their sum.
__device__ __forceinline__ void storeOnes(unsigned char* ones) {
  if (threadIdx.x < ONES_BYTES / 4) {
    reinterpret_cast<unsigned int*>(ones)[threadIdx.x] = 0x38383838u;
  }
  fenceStores();
}

// Float32 sums in shared memory, four neighbours of a thread side by side.
struct Masters {
  float4* first;

  __device__ __forceinline__ static Masters of(void* start) {
    return {static_cast<float4*>(start) + threadHere()};
  }

  __device__ __forceinline__ void clear() const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      first[i * CONSUMERS] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
  }

  // Returns four sums, with the same of E4M3 products.
  __device__ __forceinline__ float4 with(const float (&sums)[SUMS], int four) const {
    float4 waiting = loadHere(first + four * CONSUMERS);
    return make_float4(
        waiting.x + sums[4 * four], waiting.y + sums[4 * four + 1], waiting.z + sums[4 * four + 2],
        waiting.w + sums[4 * four + 3]);
  }

  // Adds sums of E4M3 products, which then begin anew.
  __device__ __forceinline__ void add(const float (&sums)[SUMS]) const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      first[i * CONSUMERS] = with(sums, i);
    }
  }

  __device__ __forceinline__ void scale(const Factors& factors) const {
#pragma unroll 1
    for (int i = 0; i < SUMS / 4; i++) {
      float4 waiting = first[i * CONSUMERS];
      first[i * CONSUMERS] = make_float4(
          waiting.x * factors.row[0], waiting.y * factors.row[0], waiting.z * factors.row[1],
          waiting.w * factors.row[1]);
    }
  }

  // Takes what waits here to the last sums.
  __device__ __forceinline__ void finish(float (&sums)[SUMS]) const {
#pragma unroll
    for (int i = 0; i < SUMS / 4; i++) {
      float4 all = with(sums, i);
      sums[4 * i] = all.x;
      sums[4 * i + 1] = all.y;
      sums[4 * i + 2] = all.z;
      sums[4 * i + 3] = all.w;
    }
  }
};

// Where scales and means are.
struct Statistics {
  const float* query;
  const float* key;
  int keyStride;
  const float* value;
  const float* mean;
};

struct Attending {
  static constexpr int READERS = 1;

  const Task& task;
  const Statistics& statistics;
  float scale;
  const float* keyScales; // of the stages
  unsigned int ones;
  void* masters;
  int unpromoted; // tiles
  Scales scales;
  float summed[SUMS];
  float counts[4]; // the sum of a tile's weights, each row's in two neighbours
  Score scores[SCORES];
  unsigned int weights[WEIGHTS];
  Rows rows;

  __device__ __forceinline__ Attending(
      const Task& task, const Statistics& statistics, float scale, const void* keyScales,
      const void* ones, void* masters)
      : task(task),
        statistics(statistics),
        scale(scale),
        keyScales(static_cast<const float*>(keyScales)),
        ones(sharedAddress(ones)),
        masters(masters) {}

  __device__ __forceinline__ float (&sums())[SUMS] { return summed; }

  __device__ __forceinline__ void begin(const Work* work, int group, int block) {
    int queryTiles = task.queryTiles();
    int head = work->item / queryTiles;
    unpromoted = 0;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int row = work->item % queryTiles * QUERIES + group * 64 + threadIdx.x % 128 / 32 * 16 +
          threadIdx.x % 32 / 4 + 8 * r;
      int64 at = static_cast<int64>(row < task.queries ? row : 0) * task.heads + head;
      scales.query[r] = statistics.query[at] * scale;
    }
    const float* ofHead = statistics.key + static_cast<int64>(head) * statistics.keyStride;
    int lastGroup = (task.keys - 1) / GROUP;
#pragma unroll
    for (int i = 0; i < SCALES; i++) {
      int at = block * SCALES + i;
      scales.key[i] = __ldg(ofHead + (at < lastGroup ? at : lastGroup));
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      summed[i] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0;
    }
    if constexpr (!IS_WIDE) {
      Masters::of(masters).clear();
    }
  }

  __device__ __forceinline__ void settleScores() { settle(scores); }

  __device__ __forceinline__ void settleSums() {
    settle(summed);
    if constexpr (!IS_WIDE) {
      settle(counts);
    }
  }

  __device__ __forceinline__ void score(unsigned int query, unsigned int key) {
    unsigned int left = lowerHalf(query);
    unsigned int right = lowerHalf(key);
    NarrowProduct<KEYS>::template add<0>(scores, descriptor(left, 0), descriptor(right, 0));
#pragma unroll
    for (int k = 1; k < HEAD_SIZE / 32; k++) {
      NarrowProduct<KEYS>::template add<1>(scores, descriptor(left, k * 32), descriptor(right, k * 32));
    }
    commitProducts();
  }

  __device__ __forceinline__ void weigh(unsigned int value) {
    if constexpr (IS_WIDE) {
      unsigned int right = lowerHalf(value);
#pragma unroll
      for (int k = 0; k < KEYS / 16; k++) {
        multiplyRegisters(summed, weights + 4 * k, descriptor(right, k * 16 * ROW_BYTES));
      }
    } else {
      multiplyNarrow(summed, weights, stepDescriptor(value), unpromoted > 0);
      multiplyNarrow<0>(counts, weights, stepDescriptor(ones));
#pragma unroll
      for (int k = 1; k < KEYS / 32; k++) {
        multiplyNarrow(summed, weights + 4 * k, stepDescriptor(value + k * STEP_BYTES), true);
        multiplyNarrow<1>(counts, weights + 4 * k, stepDescriptor(ones));
      }
    }
    commitProducts();
  }

  // Products add to the sums themselves; totals, of which no term is negative, would lose too much there.
  template <bool LAST>
  __device__ __forceinline__ void taken(int) {
    if constexpr (!IS_WIDE) {
      rows.total[0] += counts[0];
      rows.total[1] += counts[2];
      if (!LAST && ++unpromoted == PROMOTED) { // while the scores are computed
        unpromoted = 0;
        Masters::of(masters).add(summed);
      }
    }
  }

  __device__ __forceinline__ void weighFirst(int left) {
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        scores[i] = isThere(i, left) ? scores[i] : IS_INTEGER ? -2147483647 : LOWEST;
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
  }

  template <bool FOLLOWS>
  __device__ __forceinline__ void weighNext() {
    if constexpr (FOLLOWS) {
      shrinkBy(follow(scores, rows, scales));
    }
    exponentiate(scores, weights, rows, scales);
    if (!FOLLOWS && isFull(weights, rows)) {
      shrinkBy(bringBack(scores, weights, rows));
    }
  }

  __device__ __forceinline__ void shrinkBy(const Factors& factors) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      shrink(summed, r, factors.row[r]);
      rows.total[r] *= factors.row[r];
    }
    if constexpr (!IS_WIDE) {
      Masters::of(masters).scale(factors);
    }
  }

  __device__ __forceinline__ void prepare(int stage) {
#pragma unroll
    for (int i = 0; i < SCALES; i++) {
      scales.key[i] = keyScales[stage * (SCALE_PLACE / 4) + i];
    }
  }

  __device__ __forceinline__ void finish(const Work* work) {
    if constexpr (IS_WIDE) {
      rows.reduce();
    } else {
      Masters::of(masters).finish(summed);
      int first = work->item / task.queryTiles() * HEAD_SIZE + threadHere() % 4 * 2; // of this thread's channels
#pragma unroll
      for (int i = 0; i < SUMS; i += 2) {
        int r = i / 2 % 2;
        float scale[2];
        float mean[2];
        load<FLOAT32, 2>(statistics.value, first + i / 4 * 8, scale);
        load<FLOAT32, 2>(statistics.mean, first + i / 4 * 8, mean);
#pragma unroll
        for (int j = 0; j < 2; j++) {
          summed[i + j] = summed[i + j] * scale[j] + rows.total[r] * mean[j];
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap keyScale, const __grid_constant__ TensorMap value, int queries, int keys, int heads, float scale,
    const float* queryScales, const float* keyScales, const float* valueScales, const float* valueMeans,
    int keyStride, int rounds, int rest, int shares, const int* counts, const int* tiles, int most,
    float* parts, void* values, float* inverse, float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  Task task = {queries, keys, heads, {counts, tiles, most}, parts, {values, inverse, largest, state, stride}};
  Statistics statistics = {queryScales, keyScales, keyStride, valueScales, valueMeans};
  unsigned char* start = aligned(dynamic);
  unsigned char* scales = start + Places::bytes<Maps>();
  unsigned char* ones = scales + STAGES * SCALE_PLACE;
  unsigned char* masters = ones + ONES_BYTES;
  Work* works = reinterpret_cast<Work*>(masters + MASTER_BYTES);
  if constexpr (!IS_WIDE) {
    storeOnes(ones);
  }
  int group = begin<Maps, Attending>(task, {rounds, rest, shares}, start, works, barriers, shared);
  Places places = shared;
  Attending mine(task, statistics, scale, scales, ones, masters);
  work<Maps>(task, places, works, {query, key, keyScale, value, keyStride}, mine, group);
}
