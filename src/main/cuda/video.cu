// Layouts of the video autoencoders' features, channels-last [frames, height, width, channels].
//   channelsLast, channelsFirst  float32 [channels, frames, height, width] to features and back, each
//                                channel scaled and shifted; one thread a pixel
//   pixels                       features in [-1, 1] to bytes; one thread a vector
//   upsample                     each pixel 2 x 2 times; one thread a vector of the input
//   unfoldFrames                 two halves of the channels as two frames
//   foldPixels, unfoldPixels     2 x 2 pixels into channels (channel, width offset, height offset), back
//   averageDown, duplicateUp     Wan2.2 VAE's AvgDown3D and DupUp3D (Wan-Video/Wan2.2 42bf4cf,
//                                wan/modules/vae2_2.py:316-412); one thread an element of the output
// Constants: CHANNELS (of the input; of the output for unfoldFrames and channelsLast), VECTOR, TYPE (of
// features), and for the last two TIME, SPACE, TARGETS (channels of the output), else 1.
#include "tile.cuh"

constexpr int THREADS = 256;
constexpr int VECTORS = CHANNELS / VECTOR;

// The file is compiled for one of its kernels; the constants of the others must only not divide by 0.
__host__ __device__ constexpr int atLeastOne(int value) { return value < 1 ? 1 : value; }

__device__ __forceinline__ int64 threadIndex() {
  return static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
}

extern "C" __global__ void __launch_bounds__(THREADS) channelsLast(
    const float* x, const float* factor, const float* offset, void* target, int64 pixels) {
  int64 pixel = threadIndex();
  if (pixel < pixels) {
#pragma unroll 1
    for (int channel = 0; channel < CHANNELS; channel += VECTOR) {
      float values[VECTOR];
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values[i] = x[(channel + i) * pixels + pixel] * factor[channel + i] + offset[channel + i];
      }
      store<TYPE, VECTOR>(target, pixel * CHANNELS + channel, values);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) channelsFirst(
    const void* features, const float* factor, const float* offset, float* target, int64 pixels) {
  int64 pixel = threadIndex();
  if (pixel < pixels) {
#pragma unroll 1
    for (int channel = 0; channel < CHANNELS; channel += VECTOR) {
      float values[VECTOR];
      load<TYPE, VECTOR>(features, pixel * CHANNELS + channel, values);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        target[(channel + i) * pixels + pixel] = values[i] * factor[channel + i] + offset[channel + i];
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) pixels(
    const void* features, unsigned char* target, int64 vectors) {
  int64 index = threadIndex();
  if (index < vectors) {
    float values[VECTOR];
    load<TYPE, VECTOR>(features, index * VECTOR, values);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      float clamped = fminf(fmaxf(values[i], -1.0f), 1.0f);
      target[index * VECTOR + i] =
          static_cast<unsigned char>(__fmul_rn(__fmul_rn(__fadd_rn(clamped, 1.0f), 0.5f), 255.0f));
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) upsample(
    const void* x, void* target, int width, int64 vectors) {
  int64 index = threadIndex();
  if (index < vectors) {
    int64 pixel = index / VECTORS;
    int vector = static_cast<int>(index - pixel * VECTORS);
    int64 line = pixel / width; // frame and row
    int64 column = pixel - line * width;
    Packet<TYPE, VECTOR> packet;
    packet.load(x, index * VECTOR);
    int64 first = ((line * 2 * (2 * width) + 2 * column) * VECTORS + vector) * VECTOR;
    packet.store(target, first);
    packet.store(target, first + CHANNELS);
    packet.store(target, first + static_cast<int64>(2 * width) * CHANNELS);
    packet.store(target, first + static_cast<int64>(2 * width + 1) * CHANNELS);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) unfoldFrames(
    const void* x, void* target, int64 framePixels, int64 vectors) {
  int64 index = threadIndex();
  if (index < vectors) {
    int64 half = index / VECTORS; // pixel and half of its channels
    int vector = static_cast<int>(index - half * VECTORS);
    int64 pixel = half / 2;
    int64 frame = pixel / framePixels;
    Packet<TYPE, VECTOR> packet;
    packet.load(x, index * VECTOR);
    int64 to = (frame * 2 + half % 2) * framePixels + (pixel - frame * framePixels);
    packet.store(target, (to * VECTORS + vector) * VECTOR);
  }
}

// One element of features, moved between x [frames, 2 height, 2 width, CHANNELS] and folded features
// [frames, height, width, 4 CHANNELS].
template <bool FOLD>
__device__ __forceinline__ void movePixel(const void* x, void* target, int width, int64 count) {
  int64 index = threadIndex(); // within folded features
  if (index < count) {
    int64 pixel = index / (4 * CHANNELS);
    int folded = static_cast<int>(index - pixel * (4 * CHANNELS));
    int channel = folded / 4;
    int right = folded / 2 % 2;
    int below = folded % 2;
    int64 line = pixel / width;
    int64 column = pixel - line * width;
    int64 plain = ((line * 2 + below) * (2 * width) + 2 * column + right) * CHANNELS + channel;
    Packet<TYPE, 1> packet;
    packet.load(x, FOLD ? plain : index);
    packet.store(target, FOLD ? index : plain);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) foldPixels(
    const void* x, void* target, int width, int64 count) {
  movePixel<true>(x, target, width, count);
}

extern "C" __global__ void __launch_bounds__(THREADS) unfoldPixels(
    const void* x, void* target, int width, int64 count) {
  movePixel<false>(x, target, width, count);
}

extern "C" __global__ void __launch_bounds__(THREADS) averageDown(
    const void* x, void* target, int height, int width, int missing, int64 count) {
  constexpr int NEIGHBOURS = TIME * SPACE * SPACE;
  constexpr int GROUP = atLeastOne(CHANNELS * NEIGHBOURS / TARGETS);
  int64 index = threadIndex(); // height and width are the output's
  if (index < count) {
    int64 pixel = index / TARGETS;
    int first = static_cast<int>(index - pixel * TARGETS) * GROUP;
    int column = static_cast<int>(pixel % width);
    int64 line = pixel / width;
    int row = static_cast<int>(line % height);
    int64 frame = line / height * TIME - missing;
    float sum = 0.0f;
    for (int k = first; k < first + GROUP; k++) {
      int channel = k / NEIGHBOURS;
      int64 f = frame + k / (SPACE * SPACE) % TIME;
      int64 y = static_cast<int64>(row) * SPACE + k / SPACE % SPACE;
      int64 z = static_cast<int64>(column) * SPACE + k % SPACE;
      if (f >= 0) {
        float value[1];
        load<TYPE, 1>(x, ((f * height * SPACE + y) * width * SPACE + z) * CHANNELS + channel, value);
        sum += value[0];
      }
    }
    float mean[1] = {sum / GROUP};
    store<TYPE, 1>(target, index, mean);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) duplicateUp(
    const void* x, void* target, int height, int width, int skip, int64 count) {
  constexpr int REPEATS = atLeastOne(TARGETS * TIME * SPACE * SPACE / CHANNELS);
  int64 index = threadIndex(); // height and width are the output's
  if (index < count) {
    int64 pixel = index / TARGETS;
    int channel = static_cast<int>(index - pixel * TARGETS);
    int column = static_cast<int>(pixel % width);
    int64 line = pixel / width;
    int row = static_cast<int>(line % height);
    int64 frame = line / height + skip;
    int place = static_cast<int>(frame % TIME);
    int from = ((channel * TIME + place) * SPACE + row % SPACE) * SPACE + column % SPACE;
    int64 source = (frame / TIME * (height / SPACE) + row / SPACE) * (width / SPACE) + column / SPACE;
    Packet<TYPE, 1> packet;
    packet.load(x, source * CHANNELS + from / REPEATS);
    packet.store(target, index);
  }
}
