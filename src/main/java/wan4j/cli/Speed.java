package wan4j.cli;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import wan4j.AttentionSettings;
import wan4j.AttentionSettings.Attention;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.tensor.InputException;

/// What `--speed` turns on, in one place: each row is what stands for the flags of a group that
/// were not given. `bench quality` measures on the judge what it changes.
enum Speed {
  /// Weights and attention in bf16, every forward.
  EXACT("", false, Attention.AUTO, _ -> new CacheSettings.Off(), 1, Double.POSITIVE_INFINITY),
  /// On a GPU FP8 and attention in int8, and steps that would change little are skipped.
  BALANCED(
      "--quantize --fp8_recipe PerTokenScaling --attention int8"
          + " --cache easycache --easycache_steps 3 --easycache_thresh 0.2",
      true,
      Attention.INT8,
      _ -> new CacheSettings.EasyCache(0.2, 3),
      1,
      30),
  /// The same, and more steps are skipped.
  FAST(
      "--quantize --fp8_recipe PerTokenScaling --attention int8"
          + " --cache easycache --easycache_steps 3 --easycache_thresh 0.5",
      true,
      Attention.INT8,
      _ -> new CacheSettings.EasyCache(0.5, 3),
      1,
      24);

  private final String flags;
  private final boolean isQuantized;
  private final Attention attention;

  @SuppressWarnings("ImmutableEnumChecker") // of constants
  private final Function<Task, CacheSettings> cache;

  private final double gate;
  private final double decibels;

  Speed(
      String flags,
      boolean isQuantized,
      Attention attention,
      Function<Task, CacheSettings> cache,
      double gate,
      double decibels) {
    this.flags = flags;
    this.isQuantized = isQuantized;
    this.attention = attention;
    this.cache = cache;
    this.gate = gate;
    this.decibels = decibels;
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

  /// Returns the flags that it stands for on a GPU, as the judge's figures name them.
  String flags() {
    return flags;
  }

  /// Returns the median PSNR against exact, on the judge's videos, that it has at least.
  double decibels() {
    return decibels;
  }

  /// Returns what is quantised; a processor has no matrix units for FP8 and only loses by it.
  Quantization quantization(Device device) {
    return isQuantized && device == Device.CUDA
        ? new Quantization(Quantization.Recipe.UNNAMED, List.of())
        : Quantization.NONE;
  }

  /// Returns how attention computes on a device; `fits` says whether it has fewer bits for the
  /// model, as processors do to no gain.
  AttentionSettings attention(Device device, boolean fits) {
    return device == Device.CUDA && fits
        ? new AttentionSettings(attention)
        : AttentionSettings.AUTO;
  }

  /// Returns what is skipped of a task's forwards.
  CacheSettings cache(Task task) {
    return cache.apply(task);
  }

  /// Returns the share of steps that see the negative prompt.
  double gate() {
    return gate;
  }
}
