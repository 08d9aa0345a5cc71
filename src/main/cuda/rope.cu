// Queries, keys and values of an attention from qkv [tokens, 3 COLUMNS] in one pass: queries and keys
// are divided by their root mean square over all COLUMNS, weighted, and adjacent pairs are rotated by
// the token's angles, rope [tokens, HEAD_SIZE] as cosine and sine of each pair; values are copied, so
// that all three are dense [tokens, heads, HEAD_SIZE], which Ulysses' exchange needs anyway (the copy
// is 194 MB of a block's 3 GB at 720P, share of 8).
// Where attention takes queries in 8 bits, they leave as codes with a scale for each row of a head.
// Constants: COLUMNS, HEAD_SIZE, VECTOR, THREADS, INPUT and WEIGHT (element types), QUERY (how queries
// leave: 0 as they are, 1 int8, 2 E4M3). The grid is [tokens, 3], or [tokens, 2] where values stay, one
// block a row of one part; VECTOR divides HEAD_SIZE and is even, and 8 where queries become codes.
#include "attention8codes.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

// A thread's vectors lie at one place of their heads where its steps are whole heads.
constexpr int ANGLES = THREADS * VECTOR % HEAD_SIZE == 0 ? 1 : Values::EACH;

extern "C" __global__ void __launch_bounds__(THREADS) queryKeyValue(
    const void* qkv, const void* queryWeight, const void* keyWeight, const float* rope,
    void* query, void* key, void* value, float* queryScales, float epsilon) {
  int64 token = blockIdx.x;
  int part = blockIdx.y;
  Values row;
  row.read<INPUT>(qkv, (token * 3 + part) * COLUMNS);
  void* target = part == 0 ? query : part == 1 ? key : value;
  if (part < 2) {
    const void* weight = part == 0 ? queryWeight : keyWeight;
    float angle[ANGLES][VECTOR]; // on their way while the row is summed up
#pragma unroll
    for (int e = 0; e < ANGLES; e++) {
      load<FLOAT32, VECTOR>(rope, token * HEAD_SIZE + Values::column(e) % HEAD_SIZE, angle[e]);
    }
    float square = reduceBlock<Sum, THREADS>(row.squares(0.0f)) / COLUMNS;
    float length = 1.0f / sqrtf(square + epsilon);
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        float factor[VECTOR];
        load<WEIGHT, VECTOR>(weight, Values::column(e), factor);
        const float* turn = angle[e % ANGLES];
#pragma unroll
        for (int i = 0; i < VECTOR; i += 2) {
          float real = row.values[e][i] * length * factor[i];
          float imaginary = row.values[e][i + 1] * length * factor[i + 1];
          row.values[e][i] = real * turn[i] - imaginary * turn[i + 1];
          row.values[e][i + 1] = real * turn[i + 1] + imaginary * turn[i];
        }
      }
    }
  }
  if constexpr (QUERY != 0) {
    if (part == 0) {
#pragma unroll
      for (int e = 0; e < Values::EACH; e++) {
        int64 index = token * COLUMNS + Values::column(e);
        float amax = 0.0f;
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          amax = fmaxf(amax, fabsf(row.values[e][i])); // beyond the row there are zeros
        }
        amax = reduceLanes<Largest, HEAD_SIZE / VECTOR>(amax);
        if (Values::holds(e)) {
          quantizeRow<QUERY == 1>(
              row.values[e], amax, query, index,
              Values::column(e) % HEAD_SIZE == 0 ? queryScales + index / HEAD_SIZE : nullptr);
        }
      }
      return;
    }
  }
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      store<INPUT, VECTOR>(target, token * COLUMNS + Values::column(e), row.values[e]);
    }
  }
}
