package wan4j.schedule.noise;

import wan4j.ops.Saveable;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A source of standard normal numbers that equals one of PyTorch's generators for the same seed,
/// up to a few units in the last place; each draw continues where the last one ended, and what is
/// saved is where that is.
public sealed interface Noise extends Saveable permits CpuNoise, CudaNoise {
  /// The generators.
  enum Kind {
    /// PyTorch's generator on a CPU.
    CPU,
    /// PyTorch's generator on an NVIDIA GPU, which the reference draws from.
    CUDA
  }

  /// Creates a generator as `torch.Generator(device).manual_seed(seed)` does; the GPU's is that of
  /// an H100 or H200.
  static Noise of(Kind kind, long seed) {
    return switch (kind) {
      case CPU -> new CpuNoise(seed);
      case CUDA -> new CudaNoise(seed, CudaNoise.H100_MULTIPROCESSORS);
    };
  }

  /// Draws a float32 host tensor, as `torch.randn(shape)` does.
  Tensor randn(Shape shape);
}
