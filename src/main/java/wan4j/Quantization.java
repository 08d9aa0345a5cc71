package wan4j;

import java.util.List;
import java.util.stream.Collectors;
import wan4j.engine.Precisions;
import wan4j.tensor.InputException;

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
    NONE("none"),
    /// What the checkpoint stores in FP8 stays so, in the recipe that suits its scales.
    STORED("stored"),
    /// All layers in the recipe in which the checkpoint stores some, else in [#DEFAULT].
    UNNAMED("unnamed"),
    /// One scale a tensor, from the tensor itself.
    CURRENT("Float8CurrentScaling"),
    /// One scale a tensor, from earlier forwards.
    DELAYED("DelayedScaling"),
    /// Powers of two for 1 x 128 pieces of activations and 128 x 128 pieces of weights.
    BLOCK("Float8BlockScaling"),
    /// One scale a row of activations and one an output channel of weights.
    TOKEN("PerTokenScaling");

    /// The recipe where none is named: measured on layers of full size it errs least or as little
    /// as any in every row (benchmarks/h100-layers.json), also on the ordinary rows beside a few of
    /// outlying tokens, where one scale a tensor is 19 % off; a block then takes 0.3 ms more than
    /// in the fastest recipe (benchmarks/h100-block.json).
    public static final Recipe DEFAULT = TOKEN;

    private final String spelling;

    Recipe(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the name by which the command line knows the recipe.
    public String spelling() {
      return spelling;
    }

    /// Returns the recipes that a user can name.
    public static List<Recipe> named() {
      return List.of(CURRENT, DELAYED, BLOCK, TOKEN);
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
    Precisions.requireNames(skipped);
  }
}
