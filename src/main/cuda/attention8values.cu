// softmax(q k' scale) v of heads of 128 with exact scores and 8-bit weights and values, by
// attentionloop.cuh: query and key are
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
#include "attentionloop.cuh"

constexpr int SCORES = KEYS / 2; // of a thread
constexpr int WEIGHTS = SCORES / 4; // words
constexpr int STEP_BYTES = 32 * HEAD_SIZE; // 32 keys of values
constexpr int SCALE_BYTES = HEAD_SIZE * 4;
constexpr float TOP = 255.0f; // of weights
constexpr float BASE = 7.994353437f; // its exponent
constexpr float INTEGERS = 8388608.0f; // 2^23, from which on float32 holds integers alone
constexpr float HEADROOM = 8.0f;
constexpr float MOST = 1.152921504606847e18f; // 2^60

struct Maps {
  static constexpr int QUERY_BYTES = 2 * QUERY_BOX_BYTES;
  static constexpr int KEY_BYTES = 2 * BOX_BYTES;
  static constexpr int VALUE_BYTES = KEYS * HEAD_SIZE;
  static constexpr int COPIED_VALUES = VALUE_BYTES + SCALE_BYTES;

  const TensorMap& query;
  const TensorMap& key;
  const TensorMap& value;
  const TensorMap& valueScale;

  __device__ __forceinline__ void queries(unsigned int place, unsigned int full, int head, int row) const {
    copyBox(place, query, full, 0, head, row, 0);
    copyBox(place + QUERY_BOX_BYTES, query, full, 64, head, row, 0);
  }

  __device__ __forceinline__ void keys(unsigned int place, unsigned int full, int head, int row) const {
    copyBox(place, key, full, 0, head, row, 0);
    copyBox(place + BOX_BYTES, key, full, 64, head, row, 0);
  }

  // Scales lie behind the values of all stages.
  __device__ __forceinline__ void values(
      unsigned int start, int stage, unsigned int full, int head, int row) const {
    unsigned int place = start + stage * VALUE_BYTES;
#pragma unroll
    for (int i = 0; i < KEYS / 32; i++) {
      copyBox(place + i * STEP_BYTES, value, full, row + 32 * i, 0, head, 0);
    }
    copyBox(start + STAGES * VALUE_BYTES + stage * SCALE_BYTES, valueScale, full, 0, row / GROUP, head, 0);
  }
};

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

struct Attending {
  static constexpr int READERS = 4; // each warp reads scales

  const Task& task;
  const float* valueScales; // of a stage's channels, in shared memory
  const float* valueMeans;
  float scale;
  float summed[SUMS];
  int products[SUMS];
  float scores[SCORES];
  unsigned int weights[WEIGHTS];
  float factors[2];
  Rows rows;

  __device__ __forceinline__ Attending(
      const Task& task, const float* valueScales, const float* valueMeans, float scale)
      : task(task), valueScales(valueScales), valueMeans(valueMeans), scale(scale) {}

  __device__ __forceinline__ float (&sums())[SUMS] { return summed; }

  __device__ __forceinline__ void begin() {
#pragma unroll
    for (int i = 0; i < SCORES; i++) {
      scores[i] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      summed[i] = 0.0f;
      products[i] = 0;
    }
  }

  __device__ __forceinline__ void settleScores() { settle(scores); }

  __device__ __forceinline__ void settleSums() { settle(products); }

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
    multiplyNarrow<0>(products, weights, stepDescriptor(value));
#pragma unroll
    for (int k = 1; k < KEYS / 32; k++) {
      multiplyNarrow<1>(products, weights + 4 * k, stepDescriptor(value + k * STEP_BYTES));
    }
    commitProducts();
  }

  template <bool LAST>
  __device__ __forceinline__ void taken(int stage) {
    add(summed, products, factors, valueScales + stage * HEAD_SIZE);
  }

  __device__ __forceinline__ void weighFirst(int left) {
    if (left < KEYS) {
#pragma unroll
      for (int i = 0; i < SCORES; i++) {
        scores[i] = isThere(i, left) ? scores[i] : LOWEST;
      }
    }
    exponentiate<false, true>(scores, weights, summed, rows, factors, scale);
  }

  template <bool FOLLOWS>
  __device__ __forceinline__ void weighNext() {
    exponentiate<FOLLOWS, false>(scores, weights, summed, rows, factors, scale);
    if constexpr (!FOLLOWS) {
      watch(summed, rows, factors);
    }
  }

  __device__ __forceinline__ void finish(const Work* work) {
    rows.reduce();
    int head = work->item / task.queryTiles();
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      int channel = head * HEAD_SIZE + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2;
      summed[i] += rows.total[i / 2 % 2] * valueMeans[channel];
    }
  }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(
    const __grid_constant__ TensorMap query, const __grid_constant__ TensorMap key,
    const __grid_constant__ TensorMap value, const __grid_constant__ TensorMap valueScale, int queries,
    int keys, int heads, float scale, const float* valueMeans, int rounds, int rest, int shares,
    const int* counts, const int* tiles, int most, float* parts, void* values, float* inverse,
    float* largest, const float* state, int stride) {
  extern __shared__ unsigned char dynamic[];
  __shared__ unsigned long long barriers[BARRIERS];
  __shared__ Places shared;
  Task task = {queries, keys, heads, {counts, tiles, most}, parts, {values, inverse, largest, state, stride}};
  unsigned char* start = aligned(dynamic);
  unsigned char* scales = start + Places::bytes<Maps>();
  Work* works = reinterpret_cast<Work*>(scales + STAGES * SCALE_BYTES);
  int group = begin<Maps, Attending>(task, {rounds, rest, shares}, start, works, barriers, shared);
  Places places = shared;
  Attending mine(task, reinterpret_cast<const float*>(scales), valueMeans, scale);
  work<Maps>(task, places, works, {query, key, value, valueScale}, mine, group);
}
