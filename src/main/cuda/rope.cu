// Queries, keys and values of an attention from qkv [tokens, 3 COLUMNS] in one pass: queries and keys
// are divided by their root mean square over all COLUMNS, weighted, and adjacent pairs are rotated by
// the token's angles, rope [tokens, HEAD_SIZE] as cosine and sine of each pair; values are copied, so
// that all three are dense [tokens, heads, HEAD_SIZE], which Ulysses' exchange needs anyway (the copy
// is 194 MB of a block's 3 GB at 720P, share of 8).
// Constants: COLUMNS, HEAD_SIZE, VECTOR, THREADS, INPUT and WEIGHT (element types). The grid is
// [tokens, 3], one block a row of one part; VECTOR divides HEAD_SIZE and is even.
#include "reduce.cuh"
#include "tile.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

extern "C" __global__ void __launch_bounds__(THREADS) queryKeyValue(
    const void* qkv, const void* queryWeight, const void* keyWeight, const float* rope,
    void* query, void* key, void* value, float epsilon) {
  int64 token = blockIdx.x;
  int part = blockIdx.y;
  Values row;
  row.read<INPUT>(qkv, (token * 3 + part) * COLUMNS);
  void* target = part == 0 ? query : part == 1 ? key : value;
  if (part < 2) {
    const void* weight = part == 0 ? queryWeight : keyWeight;
    float square = reduceBlock<Sum, THREADS>(row.squares(0.0f)) / COLUMNS;
    float length = 1.0f / sqrtf(square + epsilon);
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        float factor[VECTOR];
        float angle[VECTOR];
        load<WEIGHT, VECTOR>(weight, Values::column(e), factor);
        load<FLOAT32, VECTOR>(rope, token * HEAD_SIZE + Values::column(e) % HEAD_SIZE, angle);
#pragma unroll
        for (int i = 0; i < VECTOR; i += 2) {
          float real = row.values[e][i] * length * factor[i];
          float imaginary = row.values[e][i + 1] * length * factor[i + 1];
          row.values[e][i] = real * angle[i] - imaginary * angle[i + 1];
          row.values[e][i + 1] = real * angle[i + 1] + imaginary * angle[i];
        }
      }
    }
  }
#pragma unroll
  for (int e = 0; e < Values::EACH; e++) {
    if (Values::holds(e)) {
      store<INPUT, VECTOR>(target, token * COLUMNS + Values::column(e), row.values[e]);
    }
  }
}
