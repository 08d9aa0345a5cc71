// A convolution whose channels are in groups, on channels-last features x [frames, height, width,
// CHANNELS]: output o of OUTPUTS sees the GROUP_INPUTS channels of group o / GROUP_OUTPUTS alone, with the
// weights [groups, position, input, GROUP_OUTPUTS] of packGroups; plus bias, plus addend if ADDED (which
// may be the target). A thread has one output at EACH neighbouring positions, so that a weight that it
// loads serves all of these; neighbouring threads have neighbouring outputs, and load the same features.
// Constants: CHANNELS, OUTPUTS, GROUP_INPUTS, GROUP_OUTPUTS, TIME, HEIGHT, WIDTH, TIME_STRIDE,
// SPACE_STRIDE, VECTOR (divides GROUP_INPUTS), TYPE (of all but the sums) and ADDED.
#include "tile.cuh"

constexpr int THREADS = 128;
constexpr int EACH = 8;

// The output has `rows` x `columns` positions a frame, `positions` in all.
extern "C" __global__ void __launch_bounds__(THREADS) groupConvolution(
    const void* x, const void* weight, const void* bias, const void* addend, void* target, int height,
    int width, int rows, int columns, int top, int left, int64 positions) {
  int output = blockIdx.y * THREADS + threadIdx.x;
  if (output >= OUTPUTS) {
    return;
  }
  int group = output / GROUP_OUTPUTS;
  int64 first = static_cast<int64>(blockIdx.x) * EACH;
  int64 frame[EACH]; // of the input, where the windows begin
  int y[EACH];
  int z[EACH];
  float sums[EACH];
#pragma unroll
  for (int p = 0; p < EACH; p++) {
    int64 position = first + p < positions ? first + p : positions - 1;
    int64 line = position / columns;
    z[p] = static_cast<int>(position - line * columns) * SPACE_STRIDE - left;
    y[p] = static_cast<int>(line % rows) * SPACE_STRIDE - top;
    frame[p] = line / rows * TIME_STRIDE;
    sums[p] = 0.0f;
  }
  int64 next = static_cast<int64>(group) * (TIME * HEIGHT * WIDTH * GROUP_INPUTS) * GROUP_OUTPUTS
      + output % GROUP_OUTPUTS;
#pragma unroll 1
  for (int tap = 0; tap < TIME * HEIGHT * WIDTH; tap++) {
    int64 from[EACH]; // the features under this tap, negative outside the picture
#pragma unroll
    for (int p = 0; p < EACH; p++) {
      int column = z[p] + tap % WIDTH;
      int row = y[p] + tap / WIDTH % HEIGHT;
      bool inside = column >= 0 && column < width && row >= 0 && row < height;
      int64 pixel = ((frame[p] + tap / (WIDTH * HEIGHT)) * height + row) * width + column;
      from[p] = inside ? pixel * CHANNELS + group * GROUP_INPUTS : -1;
    }
#pragma unroll 1
    for (int channel = 0; channel < GROUP_INPUTS; channel += VECTOR) {
      float factors[VECTOR];
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        float one[1];
        load<TYPE, 1>(weight, next, one);
        factors[i] = one[0];
        next += GROUP_OUTPUTS;
      }
#pragma unroll
      for (int p = 0; p < EACH; p++) {
        if (from[p] >= 0) {
          float values[VECTOR];
          load<TYPE, VECTOR>(x, from[p] + channel, values);
#pragma unroll
          for (int i = 0; i < VECTOR; i++) {
            sums[p] += values[i] * factors[i];
          }
        }
      }
    }
  }
  float offset[1];
  load<TYPE, 1>(bias, output, offset);
#pragma unroll
  for (int p = 0; p < EACH; p++) {
    if (first + p < positions) {
      int64 place = (first + p) * OUTPUTS + output;
      float sum[1] = {sums[p] + offset[0]};
      if constexpr (ADDED) {
        float other[1];
        load<TYPE, 1>(addend, place, other);
        sum[0] += other[0];
      }
      store<TYPE, 1>(target, place, sum);
    }
  }
}
