package wan4j;

import java.util.List;
import java.util.stream.Collectors;
import wan4j.engine.StoredFormat;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.weights.Weights;

/// Which linear layers of the transformers run in FP8, and how their scales are chosen.
///
/// @param recipe the recipe
/// @param skipped names of layers that stay as they are, such as `blocks.0` or `blocks.*.ffn.2`
public record Quantization(Recipe recipe, List<String> skipped) {
  /// No layer in FP8, whatever the checkpoint stores.
  public static final Quantization NONE = new Quantization(Recipe.NONE, List.of());

  /// The layers that the checkpoint stores in FP8, which are none in the published ones.
  public static final Quantization STORED = new Quantization(Recipe.STORED, List.of());

  /// How scales are chosen.
  public enum Recipe {
    /// Nothing is quantised.
    NONE("none", Precision.PLAIN),
    /// What the checkpoint stores in FP8 stays so, in the recipe that suits its scales.
    STORED("stored", Precision.PLAIN),
    /// All layers in the recipe in which the checkpoint stores some, else in [#DEFAULT].
    UNNAMED("unnamed", Precision.FLOAT8_TOKEN),
    /// One scale a tensor, from the tensor itself.
    CURRENT("Float8CurrentScaling", Precision.FLOAT8_CURRENT),
    /// One scale a tensor, from earlier forwards.
    DELAYED("DelayedScaling", Precision.FLOAT8_DELAYED),
    /// Powers of two for 1 x 128 pieces of activations and 128 x 128 pieces of weights.
    BLOCK("Float8BlockScaling", Precision.FLOAT8_BLOCK),
    /// One scale a row of activations and one an output channel of weights.
    TOKEN("PerTokenScaling", Precision.FLOAT8_TOKEN);

    /// The recipe where none is named: measured on layers of full size it errs least or as little
    /// as any in every row (benchmarks/h100-layers.json), also on the ordinary rows beside a few of
    /// outlying tokens, where one scale a tensor is 19 % off; a block then takes 0.3 ms more than
    /// in the fastest recipe (benchmarks/h100-block.json).
    public static final Recipe DEFAULT = TOKEN;

    private final String spelling;
    private final Precision precision;

    Recipe(String spelling, Precision precision) {
      this.spelling = spelling;
      this.precision = precision;
    }

    /// Returns the name by which the command line knows the recipe.
    public String spelling() {
      return spelling;
    }

    /// Returns the recipes that a user can name.
    public static List<Recipe> named() {
      return List.of(CURRENT, DELAYED, BLOCK, TOKEN);
    }

    /// Returns the precision that the recipe gives the layers that are quantised; public for the
    /// packages of this module alone.
    @SuppressWarnings("exports")
    public Precision precision() {
      return precision;
    }

    /// Returns the recipe of a name; throws `InputException` for an unknown one.
    public static Recipe of(String name) {
      for (Recipe recipe : named()) {
        if (recipe.spelling.equalsIgnoreCase(name)) {
          return recipe;
        }
      }
      throw new InputException(
          "--fp8_recipe got \"%s\"; give %s"
              .formatted(
                  name,
                  named().stream().map(Recipe::spelling).collect(Collectors.joining(" or "))));
    }
  }

  /// Copies the names; throws `InputException` for one that can be no name of a layer.
  public Quantization {
    skipped = List.copyOf(skipped);
    PrecisionTable.of(recipe.precision, skipped);
  }

  /// Returns the recipe in which a network runs, `NONE` for none; throws `InputException` when its
  /// file names an unknown one.
  @SuppressWarnings("exports")
  public Recipe recipe(Weights weights) {
    return switch (recipe) {
      case STORED -> StoredFormat.of(weights).recipe();
      case UNNAMED -> {
        Recipe stored = StoredFormat.of(weights).recipe();
        yield stored == Recipe.NONE ? Recipe.DEFAULT : stored;
      }
      case NONE, CURRENT, DELAYED, BLOCK, TOKEN -> recipe;
    };
  }

  /// Returns the table that a network loads by; throws `InputException` when it is to run as stored
  /// and its file names an unknown recipe, or stores nothing that could be skipped.
  @SuppressWarnings("exports")
  public PrecisionTable table(Weights weights) {
    if (recipe != Recipe.STORED) {
      return PrecisionTable.of(recipe(weights).precision, skipped);
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
