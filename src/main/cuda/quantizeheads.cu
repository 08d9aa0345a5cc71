// Keys and values of heads in the formats of 8-bit attention. The mean over all tokens is taken from both:
// from keys since softmax does not see it, from values to be added again at the end; then codes have a scale
// of a head's GROUP tokens (keys), of a channel's, or of a channel (values). Tokens are counted from the
// first of all ranks, of which this one has some, from `first` on.
//   columnSums      sums of 512 tokens in each column, in float64: exact, so that no order of adding shows
//   finishSums      sums of those, and the number of tokens behind them
//   means           of all ranks' tokens, as float32
//   tokenLargest    the largest distance from the mean of each group's tokens in a head, [heads, groups]
//   columnLargest   of each group's tokens in each channel, [heads, groups, HEAD_SIZE]
//   finishLargest   of all groups in each channel, [heads, HEAD_SIZE]
//   inverses        of the scales that bring such magnitudes to the largest code
//   quantizeTokens  codes of keys
//   quantizeColumns codes of values
//   quantizeQueries codes of queries, with a scale for each row of a head
//   transpose       codes [tokens, heads, HEAD_SIZE] as [heads, HEAD_SIZE, padded], zeros beyond the tokens;
//                   the tokens of each sixteen in the order that attention8.cu takes; and the sums of what
//                   they stand for, of 128 tokens in each channel
//   finishMeans     what is added to weighted means of codes: the values' mean less the codes'. Rounding
//                   leaves codes a mean of their own, which over many keys would outweigh the rounding that
//                   averages out.
// Constants: HEADS, HEAD_SIZE, INPUT (element type), IS_INTEGER, GROUP (tokens of a scale).
#include "attention8codes.cuh"

constexpr int COLUMNS = HEADS * HEAD_SIZE;
constexpr int SUM_TOKENS = 512;

// Blocks of [128 columns, SUM_TOKENS tokens], 256 threads: sixteen rows side by side, CODES columns a thread.
extern "C" __global__ void __launch_bounds__(256) columnSums(
    const void* x, int64 stride, int tokens, double* partial) {
  constexpr int LANES = 256 * CODES / 128;
  __shared__ double sums[LANES][128];
  int column = threadIdx.x % (128 / CODES) * CODES;
  int lane = threadIdx.x / (128 / CODES);
  int start = blockIdx.y * SUM_TOKENS;
  int end = start + SUM_TOKENS < tokens ? start + SUM_TOKENS : tokens;
  double sum[CODES] = {};
  if (blockIdx.x * 128 + column < COLUMNS) {
#pragma unroll 4
    for (int token = start + lane; token < end; token += LANES) {
      float values[CODES];
      load<INPUT, CODES>(x, token * stride + blockIdx.x * 128 + column, values);
#pragma unroll
      for (int i = 0; i < CODES; i++) {
        sum[i] += values[i];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < CODES; i++) {
    sums[lane][column + i] = sum[i];
  }
  __syncthreads();
  int own = blockIdx.x * 128 + threadIdx.x;
  if (threadIdx.x < 128 && own < COLUMNS) {
    double all = 0.0;
#pragma unroll
    for (int i = 0; i < LANES; i++) {
      all += sums[i][threadIdx.x];
    }
    partial[static_cast<int64>(blockIdx.y) * COLUMNS + own] = all;
  }
}

// Joins the pieces of 32 columns, [pieces, COLUMNS] in `partial`, by 256 threads, in a fixed order: eight
// slices of the pieces, then those. Threads below 32 get the column's.
template <class Value, class Join>
__device__ __forceinline__ Value joinPieces(const Value* partial, int pieces, int columns, int column, Join join) {
  __shared__ Value slices[8][32];
  int lane = threadIdx.x % 32;
  int slice = threadIdx.x / 32;
  Value value = 0;
  if (column < columns) {
#pragma unroll 8
    for (int i = slice; i < pieces; i += 8) {
      value = join(value, partial[static_cast<int64>(i) * columns + column]);
    }
  }
  slices[slice][lane] = value;
  __syncthreads();
#pragma unroll
  for (int i = 1; i < 8; i++) {
    value = join(value, slices[(slice + i) % 8][lane]);
  }
  return value;
}

__device__ __forceinline__ double joinSums(const double* partial, int pieces, int column) {
  return joinPieces(partial, pieces, COLUMNS, column, [](double a, double b) { return a + b; });
}

extern "C" __global__ void __launch_bounds__(256) finishSums(
    const double* partial, int pieces, int tokens, double* sums, double* count) {
  int column = blockIdx.x * 32 + threadIdx.x % 32;
  double sum = joinSums(partial, pieces, column);
  if (threadIdx.x < 32 && column < COLUMNS) {
    sums[column] = sum;
  }
  if (column == 0) {
    *count = tokens;
  }
}

extern "C" __global__ void __launch_bounds__(128) means(
    const double* sums, const double* count, float* means) {
  int column = blockIdx.x * 128 + threadIdx.x;
  if (column < COLUMNS) {
    means[column] = static_cast<float>(sums[column] / *count);
  }
}

// The tokens of a group that are this rank's.
struct Range {
  int begin;
  int end;

  __device__ __forceinline__ static Range of(int group, int first, int tokens) {
    int begin = group * GROUP - first;
    int end = begin + GROUP;
    return {begin < 0 ? 0 : begin, end < tokens ? end : tokens};
  }
};

// The largest distances of a group's tokens from the means of a head's columns, of CODES neighbouring
// columns and every ROWS'th token, from `row` on.
constexpr int ROWS = CODES; // of a block of HEAD_SIZE threads

__device__ __forceinline__ void distances(
    const void* x, int64 stride, int first, const float* means, const Range& range, int row,
    float (&most)[CODES]) {
  float mean[CODES];
  load<FLOAT32, CODES>(means, first, mean);
#pragma unroll
  for (int i = 0; i < CODES; i++) {
    most[i] = 0.0f;
  }
#pragma unroll 2
  for (int token = range.begin + row; token < range.end; token += ROWS) {
    float values[CODES];
    load<INPUT, CODES>(x, token * stride + first, values);
#pragma unroll
    for (int i = 0; i < CODES; i++) {
      most[i] = fmaxf(most[i], fabsf(__fsub_rn(values[i], mean[i])));
    }
  }
}

// Blocks of [groups, HEADS], CODES columns a thread; `groups` counts those of all ranks.
extern "C" __global__ void __launch_bounds__(HEAD_SIZE) tokenLargest(
    const void* x, int64 stride, const float* means, int first, int tokens, int groups, float* largest) {
  int group = first / GROUP + blockIdx.x;
  int column = blockIdx.y * HEAD_SIZE + threadIdx.x % (HEAD_SIZE / CODES) * CODES;
  float own[CODES];
  distances(
      x, stride, column, means, Range::of(group, first, tokens), threadIdx.x / (HEAD_SIZE / CODES), own);
  float most = own[0];
#pragma unroll
  for (int i = 1; i < CODES; i++) {
    most = fmaxf(most, own[i]);
  }
  most = reduceBlock<Largest, HEAD_SIZE>(most);
  if (threadIdx.x == 0) {
    largest[static_cast<int64>(blockIdx.y) * groups + group] = most;
  }
}

extern "C" __global__ void __launch_bounds__(HEAD_SIZE) columnLargest(
    const void* x, int64 stride, const float* means, int first, int tokens, int groups, float* largest) {
  __shared__ float all[ROWS][HEAD_SIZE];
  int group = first / GROUP + blockIdx.x;
  int column = threadIdx.x % (HEAD_SIZE / CODES) * CODES;
  int row = threadIdx.x / (HEAD_SIZE / CODES);
  float own[CODES];
  distances(
      x, stride, blockIdx.y * HEAD_SIZE + column, means, Range::of(group, first, tokens), row, own);
#pragma unroll
  for (int i = 0; i < CODES; i++) {
    all[row][column + i] = own[i];
  }
  __syncthreads();
  float most = 0.0f;
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    most = fmaxf(most, all[i][threadIdx.x]);
  }
  largest[(static_cast<int64>(blockIdx.y) * groups + group) * HEAD_SIZE + threadIdx.x] = most;
}

// Blocks of [32 channels, HEADS].
extern "C" __global__ void __launch_bounds__(256) finishLargest(
    const float* partial, int groups, float* largest) {
  int column = blockIdx.x * 32 + threadIdx.x % 32;
  float most = joinPieces(
      partial + static_cast<int64>(blockIdx.y) * groups * HEAD_SIZE, groups, HEAD_SIZE, column,
      [](float a, float b) { return fmaxf(a, b); });
  if (threadIdx.x < 32 && column < HEAD_SIZE) {
    largest[blockIdx.y * HEAD_SIZE + column] = most;
  }
}

extern "C" __global__ void __launch_bounds__(256) inverses(const float* largest, float* scales, int64 count) {
  int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
  if (index < count) {
    scales[index] = __fdiv_rn(1.0f, scaleTo(MOST_CODE<IS_INTEGER>, largest[index]));
  }
}

// A thread makes codes of CODES neighbours in each of THREAD_TOKENS tokens, all of which it reads first.
constexpr int THREAD_TOKENS = 4;

// Where those of a thread begin.
struct Place {
  int64 token;
  int column;

  __device__ __forceinline__ static Place here() {
    int64 index = static_cast<int64>(blockIdx.x) * 256 + threadIdx.x;
    return {
        index / (COLUMNS / CODES) * THREAD_TOKENS, static_cast<int>(index % (COLUMNS / CODES)) * CODES};
  }

  // Reads them; beyond the tokens there are zeros.
  __device__ __forceinline__ void read(
      const void* x, int64 stride, int tokens, float (&values)[THREAD_TOKENS][CODES]) const {
#pragma unroll
    for (int t = 0; t < THREAD_TOKENS; t++) {
      if (token + t < tokens) {
        load<INPUT, CODES>(x, (token + t) * stride + column, values[t]);
      } else {
#pragma unroll
        for (int i = 0; i < CODES; i++) {
          values[t][i] = 0.0f;
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(256) quantizeTokens(
    const void* x, int64 stride, const float* means, const float* largest, int first, int tokens,
    int groups, void* codes) {
  Place place = Place::here();
  if (place.token >= tokens) {
    return;
  }
  float values[THREAD_TOKENS][CODES];
  float mean[CODES];
  place.read(x, stride, tokens, values);
  load<FLOAT32, CODES>(means, place.column, mean);
  const float* ofHead = largest + static_cast<int64>(place.column / HEAD_SIZE) * groups;
  int before = -1;
  float factor = 0.0f;
#pragma unroll
  for (int t = 0; t < THREAD_TOKENS; t++) {
    int64 token = place.token + t;
    if (token < tokens) {
      int group = static_cast<int>((first + token) / GROUP);
      if (group != before) {
        before = group;
        factor = scaleTo(MOST_CODE<IS_INTEGER>, ofHead[group]);
      }
#pragma unroll
      for (int i = 0; i < CODES; i++) {
        values[t][i] = __fmul_rn(__fsub_rn(values[t][i], mean[i]), factor);
      }
      storeCodes<IS_INTEGER>(codes, token * COLUMNS + place.column, values[t]);
    }
  }
}

// Where all tokens have one scale, `groups` is 1.
extern "C" __global__ void __launch_bounds__(256) quantizeColumns(
    const void* x, int64 stride, const float* means, const float* largest, int first, int tokens,
    int groups, void* codes) {
  Place place = Place::here();
  if (place.token >= tokens) {
    return;
  }
  int head = place.column / HEAD_SIZE;
  int before = -1;
  float values[THREAD_TOKENS][CODES];
  float mean[CODES];
  float scales[CODES];
  place.read(x, stride, tokens, values);
  load<FLOAT32, CODES>(means, place.column, mean);
#pragma unroll
  for (int t = 0; t < THREAD_TOKENS; t++) {
    int64 token = place.token + t;
    if (token >= tokens) {
      return;
    }
    int group = groups == 1 ? 0 : static_cast<int>((first + token) / GROUP);
    if (group != before) {
      before = group;
      load<FLOAT32, CODES>(
          largest, (static_cast<int64>(head) * groups + group) * HEAD_SIZE + place.column % HEAD_SIZE,
          scales);
#pragma unroll
      for (int i = 0; i < CODES; i++) {
        scales[i] = scaleTo(MOST_CODE<IS_INTEGER>, scales[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < CODES; i++) {
      values[t][i] = __fmul_rn(__fsub_rn(values[t][i], mean[i]), scales[i]);
    }
    storeCodes<IS_INTEGER>(codes, token * COLUMNS + place.column, values[t]);
  }
}

extern "C" __global__ void __launch_bounds__(256) quantizeQueries(
    const void* x, int tokens, void* codes, float* scales) {
  Place place = Place::here();
  float values[THREAD_TOKENS][CODES];
  place.read(x, COLUMNS, tokens, values);
#pragma unroll
  for (int t = 0; t < THREAD_TOKENS; t++) {
    float amax = 0.0f;
#pragma unroll
    for (int i = 0; i < CODES; i++) {
      amax = fmaxf(amax, fabsf(values[t][i]));
    }
    amax = reduceLanes<Largest, HEAD_SIZE / CODES>(amax);
    if (place.token + t < tokens) {
      int64 index = (place.token + t) * COLUMNS + place.column;
      quantizeRow<IS_INTEGER>(values[t], amax, codes, index, place.column % HEAD_SIZE == 0
          ? scales + index / HEAD_SIZE : nullptr);
    }
  }
}

// Blocks of [128 tokens, HEADS], 256 threads.
extern "C" __global__ void __launch_bounds__(256) transpose(
    const unsigned char* codes, const float* scales, int tokens, int groups, int padded,
    unsigned char* target, double* sums) {
  constexpr int STRIDE = HEAD_SIZE + 1; // bytes, so that threads that read along tokens meet no bank twice
  __shared__ unsigned char tile[128 * STRIDE];
  int start = blockIdx.x * 128;
  int head = blockIdx.y;
  for (int i = threadIdx.x; i < 128 * HEAD_SIZE / 4; i += 256) {
    int token = i / (HEAD_SIZE / 4);
    int column = i % (HEAD_SIZE / 4) * 4;
    unsigned int word = 0;
    if (start + token < tokens) {
      word = *reinterpret_cast<const unsigned int*>(
          codes + static_cast<int64>(start + token) * COLUMNS + head * HEAD_SIZE + column);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      tile[token * STRIDE + column + j] = static_cast<unsigned char>(word >> 8 * j);
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 8 * HEAD_SIZE; i += 256) {
    int sixteen = i % 8;
    int column = i / 8;
    double sum = 0.0;
    if (start + 16 * sixteen < padded) {
      int group = groups == 1 ? 0 : (start + 16 * sixteen) / GROUP;
      unsigned int words[4];
      float codeSum = 0.0f; // exact
#pragma unroll
      for (int w = 0; w < 4; w++) {
        const unsigned char* first = tile + (16 * sixteen + 2 * w) * STRIDE + column;
        words[w] = first[0] | first[STRIDE] << 8 | first[8 * STRIDE] << 16 |
            static_cast<unsigned int>(first[9 * STRIDE]) << 24;
        codeSum += sumOfCodes<IS_INTEGER>(words[w]);
      }
      sum = static_cast<double>(codeSum) *
          scales[(static_cast<int64>(head) * groups + group) * HEAD_SIZE + column];
      *reinterpret_cast<uint4*>(
          target + (static_cast<int64>(head) * HEAD_SIZE + column) * padded + start + 16 * sixteen) =
          make_uint4(words[0], words[1], words[2], words[3]);
    }
#pragma unroll
    for (int distance = 4; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(0xFFFFFFFF, sum, distance);
    }
    if (sixteen == 0) {
      sums[static_cast<int64>(blockIdx.x) * COLUMNS + head * HEAD_SIZE + column] = sum;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) finishMeans(
    const double* partial, int pieces, int tokens, const float* means, float* target) {
  int column = blockIdx.x * 32 + threadIdx.x % 32;
  double sum = joinSums(partial, pieces, column);
  if (threadIdx.x < 32 && column < COLUMNS) {
    target[column] = static_cast<float>(means[column] - sum / tokens);
  }
}
