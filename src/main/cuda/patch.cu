// Patches of 1 x 2 x 2 latent pixels and back.
//   patchify    one float32 latent [channels, frames, 2 height, 2 width] to columns [first, first + 4
//               channels) of tokens [frames height width, columns], channel-major within a row
//   unpatchify  tokens [frames height width, 4 channels], channel fastest, to a float32 latent
// Constant: TYPE, the tokens' element type. One thread a token and channel.
#include "tile.cuh"

constexpr int THREADS = 256;

extern "C" __global__ void __launch_bounds__(THREADS) patchify(
    const float* latent, void* tokens, int frames, int height, int width, int channels, int columns,
    int first) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  int64 count = static_cast<int64>(frames) * height * width;
  if (index < count * channels) {
    int64 token = index % count;
    int channel = static_cast<int>(index / count);
    int x = static_cast<int>(token % width);
    int64 line = token / width; // frame and row of patches
    const float* upper = latent + (channel * count + line * width) * 4 + 2 * x;
    const float* lower = upper + 2 * width;
    float patch[4] = {upper[0], upper[1], lower[0], lower[1]};
    store<TYPE, 4>(tokens, token * columns + first + channel * 4, patch);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) unpatchify(
    const void* tokens, float* latent, int frames, int height, int width, int channels) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  int64 count = static_cast<int64>(frames) * height * width;
  if (index < count * channels) {
    int64 token = index % count;
    int channel = static_cast<int>(index / count);
    int x = static_cast<int>(token % width);
    int64 line = token / width;
    float* upper = latent + (channel * count + line * width) * 4 + 2 * x;
    float* lower = upper + 2 * width;
    int64 from = token * 4 * channels + channel;
    float value[1];
    load<TYPE, 1>(tokens, from, value);
    upper[0] = value[0];
    load<TYPE, 1>(tokens, from + channels, value);
    upper[1] = value[0];
    load<TYPE, 1>(tokens, from + 2 * channels, value);
    lower[0] = value[0];
    load<TYPE, 1>(tokens, from + 3 * channels, value);
    lower[1] = value[0];
  }
}
