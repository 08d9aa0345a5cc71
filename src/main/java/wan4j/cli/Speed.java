package wan4j.cli;

import java.util.List;
import java.util.Locale;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.tensor.InputException;

/// What `--speed` turns on, in one place: each row is what stands for the flags of a group that
/// were not given. `bench quality` measures what a combination changes.
enum Speed {
  /// Weights and attention in bf16, every forward.
  EXACT(false, false, 1),
  /// FP8 on a GPU, every forward.
  BALANCED(true, false, 1),
  /// FP8 on a GPU, and steps that would change little are skipped.
  FAST(true, true, 1);

  private final boolean isQuantized;
  private final boolean isCached;
  private final double gate;

  Speed(boolean isQuantized, boolean isCached, double gate) {
    this.isQuantized = isQuantized;
    this.isCached = isCached;
    this.gate = gate;
  }

  /// Returns the preset of a name, or null for null; throws `InputException` for others.
  static Speed of(String name) {
    if (name == null) {
      return null;
    }
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "exact" -> EXACT;
      case "balanced" -> BALANCED;
      case "fast" -> FAST;
      default ->
          throw new InputException(
              "--speed got \"%s\"; give exact, balanced or fast".formatted(name));
    };
  }

  /// Returns what is quantised; a processor has no matrix units for FP8 and only loses by it.
  Quantization quantization(Device device) {
    return isQuantized && device == Device.CUDA
        ? new Quantization(Quantization.Recipe.UNNAMED, List.of())
        : Quantization.NONE;
  }

  /// Returns what is skipped of a task's forwards.
  CacheSettings cache(Task task) {
    return isCached ? CacheSettings.EasyCache.of(task) : new CacheSettings.Off();
  }

  /// Returns the share of steps that see the negative prompt.
  double gate() {
    return gate;
  }
}
