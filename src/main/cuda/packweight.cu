// Weights of convolutions [outputs, channels, positions] as rows [outputs, columns], ordered position,
// then channel of `inputs`, as many or more; zero where there is none. One thread an element.
//
// packGroups packs those of convolutions in groups as [groups, position, input, outputs of a group], so that
// neighbouring outputs lie side by side; `channels` are then those of one group.
//
// Constants: SOURCE (type of weights as loaded) and TYPE (of packed weights). Sizes are told at run time,
// since a network has dozens of shapes and packs each weight once.
#include "tile.cuh"

constexpr int THREADS = 256;

extern "C" __global__ void __launch_bounds__(THREADS) packWeight(
    const void* source, void* target, int channels, int inputs, int positions, int columns,
    int64 count) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < count) {
    int64 output = index / columns;
    int column = static_cast<int>(index - output * columns);
    int position = column / inputs;
    int channel = column - position * inputs;
    float value[1] = {0.0f};
    if (position < positions && channel < channels) {
      load<SOURCE, 1>(source, (output * channels + channel) * positions + position, value);
    }
    store<TYPE, 1>(target, index, value);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) packGroups(
    const void* source, void* target, int channels, int positions, int outputs, int64 count) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < count) {
    int64 row = index / outputs; // group, position, channel
    int channel = static_cast<int>(row % channels);
    int position = static_cast<int>(row / channels % positions);
    int64 output = row / channels / positions * outputs + index % outputs;
    float value[1];
    load<SOURCE, 1>(source, (output * channels + channel) * positions + position, value);
    store<TYPE, 1>(target, index, value);
  }
}
