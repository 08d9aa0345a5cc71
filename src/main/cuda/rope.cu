// Queries, keys and values of an attention from qkv [tokens, 3 COLUMNS] in one pass: queries and keys
// are divided by their root mean square over all COLUMNS, weighted, and adjacent pairs are rotated by
// the token's angles, rope [tokens, HEAD_SIZE] as cosine and sine of each pair; values are copied, so
// that all three are dense [tokens, heads, HEAD_SIZE], which Ulysses' exchange needs anyway (the copy
// is 194 MB of a block's 3 GB at 720P, share of 8).
// Constants: COLUMNS, HEAD_SIZE, VECTOR, THREADS, INPUT and WEIGHT (element types). The grid is
// [blocks, 3]: a block takes one part of neighbouring rows one after the other, with the part's weight
// in registers, and reads the next row while it works on one. VECTOR divides HEAD_SIZE and is even.
#include "reduce.cuh"
#include "tile.cuh"

using Values = Row<COLUMNS, VECTOR, THREADS>;

extern "C" __global__ void __launch_bounds__(THREADS) queryKeyValue(
    const void* qkv, const void* queryWeight, const void* keyWeight, const float* rope,
    void* query, void* key, void* value, float epsilon, int tokens) {
  int each = (tokens + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
  int first = static_cast<int>(blockIdx.x) * each;
  int last = first + each < tokens ? first + each : tokens;
  int part = blockIdx.y;
  void* target = part == 0 ? query : part == 1 ? key : value;
  Values factor;
  Values next;
  if (first < last) {
    next.read<INPUT>(qkv, (static_cast<int64>(first) * 3 + part) * COLUMNS);
    if (part < 2) {
      factor.read<WEIGHT>(part == 0 ? queryWeight : keyWeight, 0);
    }
  }
  for (int token = first; token < last; token++) {
    Values row = next;
    if (token + 1 < last) {
      next.read<INPUT>(qkv, (static_cast<int64>(token + 1) * 3 + part) * COLUMNS);
    }
    if (part < 2) {
      float square = reduceBlock<Sum, THREADS>(row.squares(0.0f)) / COLUMNS;
      float length = 1.0f / sqrtf(square + epsilon);
#pragma unroll
      for (int e = 0; e < Values::EACH; e++) {
        if (Values::holds(e)) {
          float angle[VECTOR];
          load<FLOAT32, VECTOR>(
              rope, static_cast<int64>(token) * HEAD_SIZE + Values::column(e) % HEAD_SIZE, angle);
#pragma unroll
          for (int i = 0; i < VECTOR; i += 2) {
            float real = row.values[e][i] * length * factor.values[e][i];
            float imaginary = row.values[e][i + 1] * length * factor.values[e][i + 1];
            row.values[e][i] = real * angle[i] - imaginary * angle[i + 1];
            row.values[e][i + 1] = real * angle[i + 1] + imaginary * angle[i];
          }
        }
      }
      __syncthreads(); // the next row's sum goes to the same shared words
    }
#pragma unroll
    for (int e = 0; e < Values::EACH; e++) {
      if (Values::holds(e)) {
        store<INPUT, VECTOR>(
            target, static_cast<int64>(token) * COLUMNS + Values::column(e), row.values[e]);
      }
    }
  }
}
