// Convolutions of time x 3 x 3 with a stride of 1 over channels-last bfloat16 features, as products
// of matrices that nobody writes down: target = convolution(x) + bias + addend, summed in float32.
//
// A block makes patches of 16 x 8 BLOCKS positions of one frame for OUTPUTS output channels, one
// after the other. For each frame of the window and each slice of SLICE channels, the copy engine
// brings the patch with a border of one (zeros outside the frame) into shared memory once; the nine
// taps then are nine views of it, one pixel apart: a product's left rows are 8 x 8 positions, eight
// neighbours in a row of the patch side by side and the eight rows PITCH apart, and the swizzle
// follows from the address alone, so a view may begin at any pixel. Weights come tap by tap.
// One warp copies; two warpgroups multiply, each 8 rows of the patch in BLOCKS squares.
//
// What the copies cost, of 96 channels with BLOCKS = 4 (a patch of 16 x 32): 352 KB of features (each
// element once a tap of time, and the border) and 498 KB of weights for 127 million multiplications,
// that is 62,000 cycles of the tensor cores: 14 bytes a cycle, where fetching each tap's rows anew
// would cost 51. Shared memory gives (64 + 96) 32 bytes for each product of 48 cycles: 107 of 128.
//
// `addend` is null for none; `time` is the kernel's frames, `slices` the inputs' slices, `channels` the
// target's channels. They are no constants since an instance takes seconds to compile, and so a network's
// many shapes need few.
//
// Constants: OUTPUTS (of a block), SLICE (16, 32 or 64), TAPS (of a copy of weights), BLOCKS,
// FEATURE_STAGES, WEIGHT_STAGES, NORMALISED (whether sums are normalised over all channels, which then
// must be OUTPUTS, and put through SiLU before they leave; nothing is added then).
#include "tile.cuh"

constexpr int PATCH_HEIGHT = 16;
constexpr int PATCH_WIDTH = 8 * BLOCKS;
constexpr int PITCH = PATCH_WIDTH + 2;
constexpr int ROW_BYTES = 2 * SLICE;
// the descriptor's numbers of swizzles
constexpr int SWIZZLE = SLICE == 64 ? 1 : SLICE == 32 ? 2 : 3; // over 128, 64 and 32 bytes
constexpr int FEATURE_BYTES = (PATCH_HEIGHT + 2) * PITCH * ROW_BYTES;
constexpr int WEIGHT_BYTES = TAPS * OUTPUTS * ROW_BYTES;
constexpr int FEATURE_STAGE = (FEATURE_BYTES + 1023) / 1024 * 1024;
constexpr int WEIGHT_STAGE = (WEIGHT_BYTES + 1023) / 1024 * 1024;
constexpr int GROUPS = 9 / TAPS; // copies of weights a copy of features
constexpr int THREADS = 384;
constexpr int SHARED_BYTES = 1024 + FEATURE_STAGES * FEATURE_STAGE + WEIGHT_STAGES * WEIGHT_STAGE;
static_assert(TAPS == 1 || TAPS == 3, "copies of weights must tile the taps");
static_assert(SHARED_BYTES <= 227 * 1024, "stages must fit shared memory");

struct Barriers {
  unsigned long long featuresFull[FEATURE_STAGES];
  unsigned long long featuresEmpty[FEATURE_STAGES];
  unsigned long long weightsFull[WEIGHT_STAGES];
  unsigned long long weightsEmpty[WEIGHT_STAGES];
};

// Which patch of which frame and which outputs. Outputs change fastest, then frames: what runs at
// once shares its features in the second cache.
struct Patch {
  int output;
  int frame;
  int column;
  int row;

  __device__ __forceinline__ Patch(int index, int outputBlocks, int frames, int across) {
    output = index % outputBlocks * OUTPUTS;
    index /= outputBlocks;
    frame = index % frames;
    index /= frames;
    column = index % across * PATCH_WIDTH;
    row = index / across * PATCH_HEIGHT;
  }
};

// Where a product finds rows of ROW_BYTES: eights of neighbouring rows are `stride` bytes apart.
__device__ __forceinline__ unsigned long long descriptor(unsigned int address, int stride) {
  return (static_cast<unsigned long long>(SWIZZLE) << 62) |
      (static_cast<unsigned long long>(stride >> 4) << 32) | (1ull << 16) | ((address & 0x3FFFF) >> 4);
}

// Ties sums to this place in the program.
__device__ __forceinline__ void settle(float (&sums)[BLOCKS][OUTPUTS / 2]) {
#pragma unroll
  for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
    for (int i = 0; i < OUTPUTS / 2; i++) {
      settle(sums[b][i]);
    }
  }
}

// Turns the square of four values in each of four neighbouring lanes on its diagonal.
__device__ __forceinline__ void transpose(unsigned int (&v)[4], int lane) {
  bool upper = lane & 2;
  unsigned int a = __shfl_xor_sync(0xFFFFFFFF, upper ? v[0] : v[2], 2);
  unsigned int b = __shfl_xor_sync(0xFFFFFFFF, upper ? v[1] : v[3], 2);
  (upper ? v[0] : v[2]) = a;
  (upper ? v[1] : v[3]) = b;
  bool odd = lane & 1;
  a = __shfl_xor_sync(0xFFFFFFFF, odd ? v[0] : v[1], 1);
  b = __shfl_xor_sync(0xFFFFFFFF, odd ? v[2] : v[3], 1);
  (odd ? v[0] : v[1]) = a;
  (odd ? v[2] : v[3]) = b;
}

// Stores one position's values, which four lanes hold in pairs, in pieces of 16 bytes.
__device__ __forceinline__ void storePosition(
    const float (&values)[OUTPUTS / 4], unsigned short* target, bool inside, int lane, int channels) {
  if constexpr (OUTPUTS % 32 == 0) {
#pragma unroll
    for (int g = 0; g < OUTPUTS / 32; g++) {
      unsigned int pairs[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        pairs[i] = bfloat16Pair(values[(g * 4 + i) * 2], values[(g * 4 + i) * 2 + 1]);
      }
      transpose(pairs, lane);
      if (inside) {
        *reinterpret_cast<uint4*>(target + g * 32 + lane % 4 * 8) = {
            pairs[0], pairs[1], pairs[2], pairs[3]};
      }
    }
  } else {
#pragma unroll
    for (int i = 0; i < OUTPUTS / 4; i++) {
      int channel = i / 2 * 8 + lane % 4 * 2 + i % 2;
      if (inside && channel < channels) {
        target[channel] = fromFloat<BFLOAT16>(values[i]);
      }
    }
  }
}

__device__ __forceinline__ void addPosition(
    float (&values)[OUTPUTS / 4], const unsigned short* addend, bool inside, int lane, int channels) {
#pragma unroll
  for (int g = 0; g < OUTPUTS / 32; g++) {
    uint4 piece = {0, 0, 0, 0};
    if (inside) {
      piece = *reinterpret_cast<const uint4*>(addend + g * 32 + lane % 4 * 8);
    }
    unsigned int pairs[4] = {piece.x, piece.y, piece.z, piece.w};
    transpose(pairs, lane);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      values[(g * 4 + i) * 2] += __uint_as_float(pairs[i] << 16);
      values[(g * 4 + i) * 2 + 1] += __uint_as_float(pairs[i] & 0xFFFF0000u);
    }
  }
  if constexpr (OUTPUTS % 32 != 0) {
#pragma unroll
    for (int i = 0; i < OUTPUTS / 4; i++) {
      int channel = i / 2 * 8 + lane % 4 * 2 + i % 2;
      if (inside && channel < channels) {
        values[i] += toFloat<BFLOAT16>(addend[channel]);
      }
    }
  }
}

// What channelnorm.cu does, then SiLU.
__device__ __forceinline__ void normalise(float (&values)[OUTPUTS / 4], const float* gamma, int lane) {
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < OUTPUTS / 4; i++) {
    squares += values[i] * values[i];
  }
  squares += __shfl_xor_sync(0xFFFFFFFF, squares, 1);
  squares += __shfl_xor_sync(0xFFFFFFFF, squares, 2);
  float factor = sqrtf(static_cast<float>(OUTPUTS)) / fmaxf(sqrtf(squares), 1e-12f);
#pragma unroll
  for (int i = 0; i < OUTPUTS / 8; i++) {
    float2 weight = *reinterpret_cast<const float2*>(gamma + i * 8 + lane % 4 * 2);
    values[2 * i] = activate<SILU>(values[2 * i] * factor * weight.x);
    values[2 * i + 1] = activate<SILU>(values[2 * i + 1] * factor * weight.y);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) convolve(
    const __grid_constant__ TensorMap features, const __grid_constant__ TensorMap weights,
    const unsigned short* bias, const unsigned short* addend, const float* gamma,
    unsigned short* target, int height, int width, int frames, int time, int slices, int channels,
    int across, int outputBlocks, int patches) {
  extern __shared__ unsigned char dynamic[];
  __shared__ Barriers barriers;
  unsigned int featureBase = (sharedAddress(dynamic) + 1023) / 1024 * 1024;
  unsigned int weightBase = featureBase + FEATURE_STAGES * FEATURE_STAGE;
  unsigned int featuresFull = sharedAddress(barriers.featuresFull);
  unsigned int featuresEmpty = sharedAddress(barriers.featuresEmpty);
  unsigned int weightsFull = sharedAddress(barriers.weightsFull);
  unsigned int weightsEmpty = sharedAddress(barriers.weightsEmpty);
  int group = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0); // the compiler sees that warps agree
  if (threadIdx.x == 0) {
    for (int i = 0; i < FEATURE_STAGES; i++) {
      initBarrier(featuresFull + 8 * i, 1);
      initBarrier(featuresEmpty + 8 * i, 2);
    }
    for (int i = 0; i < WEIGHT_STAGES; i++) {
      initBarrier(weightsFull + 8 * i, 1);
      initBarrier(weightsEmpty + 8 * i, 2);
    }
    fenceBarriers();
  }
  __syncthreads();

  if (group == 2) {
    if constexpr (BLOCKS * OUTPUTS > 192) {
      giveRegisters<24>();
    }
    if (threadIdx.x == 256) {
      prefetchMap(features);
      prefetchMap(weights);
      Ring<FEATURE_STAGES> ring;
      Ring<WEIGHT_STAGES> weightRing;
      for (int index = blockIdx.x; index < patches; index += gridDim.x) {
        Patch patch(index, outputBlocks, frames, across);
        int channel = 0;
        int frame = 0;
        for (int round = 0; round < time * slices; round++) {
          await(featuresEmpty + 8 * ring.stage, ring.parity ^ 1);
          arriveExpecting(featuresFull + 8 * ring.stage, FEATURE_BYTES);
          copyBox(
              featureBase + ring.stage * FEATURE_STAGE, features, featuresFull + 8 * ring.stage,
              channel, patch.column - 1, patch.row - 1, patch.frame + frame);
          ring.step();
          for (int g = 0; g < GROUPS; g++) {
            await(weightsEmpty + 8 * weightRing.stage, weightRing.parity ^ 1);
            arriveExpecting(weightsFull + 8 * weightRing.stage, WEIGHT_BYTES);
            int tap = g * TAPS;
            copyBox(
                weightBase + weightRing.stage * WEIGHT_STAGE, weights,
                weightsFull + 8 * weightRing.stage, channel, patch.output,
                tap % 3, frame * 3 + tap / 3);
            weightRing.step();
          }
          channel += SLICE;
          if (channel == slices * SLICE) {
            channel = 0;
            frame++;
          }
        }
      }
    }
  } else {
    if constexpr (BLOCKS * OUTPUTS > 192) {
      takeRegisters<240>();
    }
    int lane = threadIdx.x % 32;
    int warp = threadIdx.x / 32 % 4;
    Ring<FEATURE_STAGES> ring;
    Ring<WEIGHT_STAGES> weightRing;
    bool releases = threadIdx.x % 128 == 0;
    for (int index = blockIdx.x; index < patches; index += gridDim.x) {
      Patch patch(index, outputBlocks, frames, across);
      float sums[BLOCKS][OUTPUTS / 2];
#pragma unroll
      for (int i = 0; i < OUTPUTS / 2; i++) {
        float start = toFloat<BFLOAT16>(bias[patch.output + i / 4 * 8 + lane % 4 * 2 + i % 2]);
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) {
          sums[b][i] = start;
        }
      }
      settle(sums);
#pragma unroll 1
      for (int round = 0; round < time * slices; round++) {
        await(featuresFull + 8 * ring.stage, ring.parity);
        unsigned int from = featureBase + ring.stage * FEATURE_STAGE + group * 8 * PITCH * ROW_BYTES;
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
          await(weightsFull + 8 * weightRing.stage, weightRing.parity);
          unsigned int weight = weightBase + weightRing.stage * WEIGHT_STAGE;
          beginProducts();
#pragma unroll
          for (int t = 0; t < TAPS; t++) {
            int tap = g * TAPS + t;
            int offset = tap / 3 * PITCH + tap % 3;
#pragma unroll
            for (int k = 0; k < SLICE / 16; k++) {
              unsigned long long right = descriptor(
                  weight + t * OUTPUTS * ROW_BYTES + k * 32, 8 * ROW_BYTES);
#pragma unroll
              for (int b = 0; b < BLOCKS; b++) {
                unsigned long long left = descriptor(
                    from + (offset + 8 * b) * ROW_BYTES + k * 32, PITCH * ROW_BYTES);
                Product<OUTPUTS>::add(sums[b], left, right);
              }
            }
          }
          commitProducts();
          // nothing is pending while registers may move: the other group's products fill the gap
          awaitProducts<0>();
          settle(sums);
          arriveIf(releases, weightsEmpty + 8 * weightRing.stage);
          weightRing.step();
        }
        arriveIf(releases, featuresEmpty + 8 * ring.stage);
        ring.step();
      }
#pragma unroll
      for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int row = patch.row + group * 8 + warp * 2 + half;
          int column = patch.column + b * 8 + lane / 4;
          long long position = (static_cast<long long>(patch.frame) * height + row) * width + column;
          long long place = position * channels + patch.output;
          bool inside = row < height && column < width;
          float values[OUTPUTS / 4];
#pragma unroll
          for (int i = 0; i < OUTPUTS / 4; i++) {
            values[i] = sums[b][i / 2 * 4 + half * 2 + i % 2];
          }
          if constexpr (NORMALISED) {
            normalise(values, gamma, lane);
          } else if (addend != nullptr) {
            addPosition(values, addend + place, inside, lane, channels - patch.output);
          }
          storePosition(values, target + place, inside, lane, channels - patch.output);
        }
      }
    }
  }
}
