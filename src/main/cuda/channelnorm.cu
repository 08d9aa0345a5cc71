// The norm of the video autoencoders over the channels of each pixel, x / max(|x|, 1e-12)
// sqrt(CHANNELS) gamma, then SiLU if asked; channels-last, so a pixel is one short row that LANES
// neighbouring lanes hold in registers. Constants: CHANNELS, VECTOR, LANES (a power of two up to 32),
// INPUT, WEIGHT and OUTPUT (element types), FUNCTION (SiLU's number or 0).
#include "reduce.cuh"
#include "tile.cuh"

constexpr int THREADS = 256;
constexpr int VECTORS = CHANNELS / VECTOR;
constexpr int EACH = (VECTORS + LANES - 1) / LANES;

extern "C" __global__ void __launch_bounds__(THREADS) channelNorm(
    const void* x, const void* gamma, void* target, int64 pixels) {
  int64 pixel = (static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  int lane = threadIdx.x % LANES;
  bool inside = pixel < pixels;
  float values[EACH][VECTOR];
  float squares = 0.0f;
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    int vector = e * LANES + lane;
    if (inside && (VECTORS % LANES == 0 || vector < VECTORS)) {
      load<INPUT, VECTOR>(x, pixel * CHANNELS + vector * VECTOR, values[e]);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        squares += values[e][i] * values[e][i];
      }
    }
  }
  squares = reduceLanes<Sum, LANES>(squares);
  float factor = sqrtf(static_cast<float>(CHANNELS)) / fmaxf(sqrtf(squares), 1e-12f);
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    int vector = e * LANES + lane;
    if (inside && (VECTORS % LANES == 0 || vector < VECTORS)) {
      float weight[VECTOR];
      load<WEIGHT, VECTOR>(gamma, vector * VECTOR, weight);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values[e][i] = activate<FUNCTION>(values[e][i] * factor * weight[i]);
      }
      store<OUTPUT, VECTOR>(target, pixel * CHANNELS + vector * VECTOR, values[e]);
    }
  }
}
