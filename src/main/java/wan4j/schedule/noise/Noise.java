package wan4j.schedule.noise;

import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A source of standard normal numbers that equals one of PyTorch's generators for the same seed,
/// up to a few units in the last place; each draw continues where the last one ended.
public sealed interface Noise permits CpuNoise, CudaNoise {
  /// The generators by their names on the command line.
  enum Kind {
    /// PyTorch's generator on a CPU.
    CPU("cpu"),
    /// PyTorch's generator on an NVIDIA GPU, which the reference draws from.
    CUDA("cuda");

    private final String spelling;

    Kind(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the name on the command line.
    public String spelling() {
      return spelling;
    }

    /// Returns the generator with a name; throws `InputException` for others.
    public static Kind of(String spelling) {
      for (Kind kind : values()) {
        if (kind.spelling.equals(spelling)) {
          return kind;
        }
      }
      throw new InputException("noise got \"%s\"; it takes cpu or cuda".formatted(spelling));
    }
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
