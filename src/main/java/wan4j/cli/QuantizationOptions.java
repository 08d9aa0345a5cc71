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
          "Run the linear layers of the transformers in FP8 (default: those that the checkpoint stores in FP8; False: none).")
  private String quantize;

  @Option(
      names = "--fp8_recipe",
      description =
          "Float8CurrentScaling (default), DelayedScaling, Float8BlockScaling or PerTokenScaling.")
  private String recipe;

  @Option(
      names = "--fp8_skip",
      split = ",",
      description = "Layers that stay in bf16, such as blocks.0,blocks.*.ffn.2.")
  private List<String> skipped = List.of();

  /// Returns what is quantised; throws `InputException` for FP8 flags without `--quantize`.
  Quantization quantization() {
    if (Flags.isTrue("--quantize", quantize, false)) {
      var chosen = recipe == null ? Quantization.Recipe.CURRENT : Quantization.Recipe.of(recipe);
      return new Quantization(chosen, skipped);
    }
    if (recipe != null || !skipped.isEmpty()) {
      throw new InputException(
          "%s was given without --quantize; add it, or leave %s out"
              .formatted(
                  recipe == null ? "--fp8_skip" : "--fp8_recipe",
                  recipe == null ? "--fp8_skip" : "--fp8_recipe"));
    }
    return quantize == null ? Quantization.STORED : Quantization.NONE;
  }
}
