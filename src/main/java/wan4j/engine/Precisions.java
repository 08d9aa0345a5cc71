package wan4j.engine;

import java.util.List;
import wan4j.Quantization;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.weights.Weights;

/// What a choice of quantisation means for the layers of a network.
public final class Precisions {
  private Precisions() {}

  /// Returns the precision that a recipe gives the layers that are quantised.
  public static Precision of(Quantization.Recipe recipe) {
    return switch (recipe) {
      case NONE, STORED -> Precision.PLAIN;
      case CURRENT -> Precision.FLOAT8_CURRENT;
      case DELAYED -> Precision.FLOAT8_DELAYED;
      case BLOCK -> Precision.FLOAT8_BLOCK;
      case UNNAMED, TOKEN -> Precision.FLOAT8_TOKEN;
    };
  }

  /// Throws `InputException` for a name of `--fp8_skip` that can be no name of a layer.
  public static void requireNames(List<String> skipped) {
    var _ = PrecisionTable.of(Precision.PLAIN, skipped);
  }

  /// Returns the recipe in which a network runs, `NONE` for none; throws `InputException` when its
  /// file names an unknown one.
  public static Quantization.Recipe recipe(Quantization quantization, Weights weights) {
    return switch (quantization.recipe()) {
      case STORED -> StoredFormat.of(weights).recipe();
      case UNNAMED -> {
        Quantization.Recipe stored = StoredFormat.of(weights).recipe();
        yield stored == Quantization.Recipe.NONE ? Quantization.Recipe.DEFAULT : stored;
      }
      case NONE, CURRENT, DELAYED, BLOCK, TOKEN -> quantization.recipe();
    };
  }

  /// Returns the table that a network loads by; throws `InputException` when it is to run as stored
  /// and its file names an unknown recipe, or stores nothing that could be skipped.
  public static PrecisionTable table(Quantization quantization, Weights weights) {
    List<String> skipped = quantization.skipped();
    if (quantization.recipe() != Quantization.Recipe.STORED) {
      return PrecisionTable.of(of(recipe(quantization, weights)), skipped);
    }
    StoredFormat format = StoredFormat.of(weights);
    if (!skipped.isEmpty() && format.weights().isEmpty()) {
      throw new InputException(
          "--fp8_skip was given without --quantize, but %s stores no layer in FP8; add --quantize, or leave --fp8_skip out"
              .formatted(weights.title()));
    }
    return format.table(skipped);
  }
}
