// What surrounds a convolution on channels-last features.
//   widen          features of CHANNELS to features of INPUTS, zero behind; one thread a position
//   gatherWindows  the windows of x [frames, height, width, INPUTS] under the kernel TIME x HEIGHT x
//                  WIDTH as rows [positions, COLUMNS] in the weight's order, so that a convolution is
//                  a matrix product; outside the picture there are zeros. One thread a vector.
// Constants: CHANNELS, INPUTS (a multiple of 8 for widen), COLUMNS (a multiple of 8), TIME, HEIGHT, WIDTH,
// TIME_STRIDE, SPACE_STRIDE, VECTOR (divides INPUTS, or is 1) and TYPE.
#include "tile.cuh"

constexpr int THREADS = 256;
constexpr int POSITIONS = TIME * HEIGHT * WIDTH;

extern "C" __global__ void __launch_bounds__(THREADS) widen(
    const void* x, void* target, int64 positions) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < positions) {
#pragma unroll
    for (int first = 0; first < INPUTS; first += 8) {
      Packet<TYPE, 8> packet;
#pragma unroll
      for (int i = 0; i < 8; i++) {
        if (first + i < CHANNELS) {
          packet.bits[i] = static_cast<const Element<TYPE>::Bits*>(x)[index * CHANNELS + first + i];
        } else {
          packet.bits[i] = 0;
        }
      }
      packet.store(target, index * INPUTS + first);
    }
  }
}

// The output has `rows` x `columns` positions a frame; `first` is the first position of this piece.
extern "C" __global__ void __launch_bounds__(THREADS) gatherWindows(
    const void* x, void* target, int height, int width, int rows, int columns, int top, int left,
    int64 first, int64 vectors) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < vectors) {
    constexpr int ROW = COLUMNS / VECTOR;
    int64 place = index / ROW;
    int offset = static_cast<int>(index - place * ROW) * VECTOR;
    int64 output = first + place;
    int64 line = output / columns;
    int tap = offset / INPUTS;
    int x0 = static_cast<int>(output - line * columns) * SPACE_STRIDE - left + tap % WIDTH;
    int y0 = static_cast<int>(line % rows) * SPACE_STRIDE - top + tap / WIDTH % HEIGHT;
    int64 frame = line / rows * TIME_STRIDE + tap / (WIDTH * HEIGHT);
    Packet<TYPE, VECTOR> packet;
    bool inside = tap < POSITIONS && x0 >= 0 && x0 < width && y0 >= 0 && y0 < height;
    if (inside) {
      packet.load(x, ((frame * height + y0) * width + x0) * INPUTS + offset - tap * INPUTS);
    } else {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        packet.bits[i] = 0;
      }
    }
    packet.store(target, index * VECTOR);
  }
}
