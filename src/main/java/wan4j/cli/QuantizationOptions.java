package wan4j.cli;

import java.util.List;
import picocli.CommandLine.Option;
import wan4j.Quantization;
import wan4j.tensor.InputException;

/// The flags that say which layers run in FP8.
final class QuantizationOptions {
  @Option(
      names = "--quantize",
      arity = "0..1",
      fallbackValue = "True",
      description =
          "Run the linear layers of the transformers in FP8 (default: those that the checkpoint"
              + " stores in FP8; False: none).")
  private String quantize;

  @Option(
      names = "--fp8_recipe",
      description =
          "PerTokenScaling, Float8CurrentScaling, DelayedScaling or Float8BlockScaling (default:"
              + " the one in which the checkpoint stores FP8, else PerTokenScaling).")
  private String recipe;

  @Option(
      names = "--fp8_skip",
      split = ",",
      description =
          "Layers that stay in bf16, such as blocks.0,blocks.*.ffn.2; of a checkpoint in FP8 also"
              + " without --quantize.")
  private List<String> skipped = List.of();

  /// Says whether a flag of them was given.
  boolean isGiven() {
    return quantize != null || recipe != null || !skipped.isEmpty();
  }

  /// Returns what is quantised; throws `InputException` for FP8 flags that need `--quantize` and
  /// are without.
  Quantization quantization() {
    if (Flags.isTrue("--quantize", quantize, false)) {
      var chosen = recipe == null ? Quantization.Recipe.UNNAMED : Quantization.Recipe.of(recipe);
      return new Quantization(chosen, skipped);
    }
    if (recipe != null) {
      throw new InputException(
          quantize == null
              ? "--fp8_recipe was given without --quantize; add it, or leave --fp8_recipe out"
              : "--fp8_recipe and --quantize %s were both given; leave one of them out"
                  .formatted(quantize));
    }
    if (quantize == null) {
      return new Quantization(Quantization.Recipe.STORED, skipped);
    }
    if (!skipped.isEmpty()) {
      throw new InputException(
          "--fp8_skip and --quantize %s were both given; leave one of them out"
              .formatted(quantize));
    }
    return Quantization.NONE;
  }
}
