// Attention of each query to the few keys of its own group: softmax(q kT scale) v over the `keys` keys
// from groups[query] keys on; query and target [queries, heads, HEAD_SIZE], key and value [groups keys,
// heads, HEAD_SIZE], all of one type. One warp a query and head, with a running maximum and sum; the
// warps of a block have neighbouring queries of one head, so that their keys are mostly in the cache.
// Constants: HEAD_SIZE, VECTOR (divides HEAD_SIZE, at most 4), TYPE (element type).
#include "reduce.cuh"
#include "tile.cuh"

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int VECTORS = HEAD_SIZE / VECTOR;
constexpr int EACH = (VECTORS + 31) / 32;

// Loads a lane's part of a head's row; what lies beyond the row is 0.
__device__ __forceinline__ void loadRow(
    const void* base, int64 start, int lane, float (&values)[EACH][VECTOR]) {
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    int vector = e * 32 + lane;
    if (VECTORS % 32 == 0 || vector < VECTORS) {
      load<TYPE, VECTOR>(base, start + vector * VECTOR, values[e]);
    } else {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values[e][i] = 0.0f;
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) groupAttention(
    const void* query, const void* key, const void* value, const int* groups, void* target,
    int queries, int heads, int keys, float scale) {
  int lane = threadIdx.x % 32;
  int64 row = static_cast<int64>(blockIdx.x) * WARPS + threadIdx.x / 32;
  if (row >= queries) {
    return; // the whole warp
  }
  int64 head = blockIdx.y;
  float q[EACH][VECTOR];
  float k[EACH][VECTOR];
  float v[EACH][VECTOR];
  float sums[EACH][VECTOR];
  loadRow(query, (row * heads + head) * HEAD_SIZE, lane, q);
#pragma unroll
  for (int e = 0; e < EACH; e++) {
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      sums[e][i] = 0.0f;
    }
  }
  float most = Largest::NEUTRAL;
  float total = 0.0f;
  int64 first = static_cast<int64>(groups[row]) * keys;
#pragma unroll 1
  for (int index = 0; index < keys; index++) {
    int64 start = ((first + index) * heads + head) * HEAD_SIZE;
    loadRow(key, start, lane, k);
    loadRow(value, start, lane, v);
    float product = 0.0f;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        product += q[e][i] * k[e][i];
      }
    }
    float score = reduceLanes<Sum>(product) * scale;
    float larger = fmaxf(most, score);
    float kept = expf(most - larger);
    float weight = expf(score - larger);
    most = larger;
    total = total * kept + weight;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        sums[e][i] = sums[e][i] * kept + weight * v[e][i];
      }
    }
  }
  float inverse = 1.0f / total;
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    int vector = e * 32 + lane;
    if (VECTORS % 32 == 0 || vector < VECTORS) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        sums[e][i] *= inverse;
      }
      store<TYPE, VECTOR>(target, (row * heads + head) * HEAD_SIZE + vector * VECTOR, sums[e]);
    }
  }
}
