package wan4j.ops;

import java.util.Set;

/// In which format self-attention computes in each step and layer: in one, but for the first and
/// the last steps and some layers, which keep the activation type. A pure choice.
///
/// @param format the format of the others
/// @param first how many first steps keep the activation type
/// @param last how many last steps do
/// @param layers the layers that do in every step, by their indices
public record AttentionSchedule(AttentionFormat format, int first, int last, Set<Integer> layers) {
  /// The activation type everywhere.
  public static final AttentionSchedule PLAIN =
      new AttentionSchedule(AttentionFormat.Simple.PLAIN, 0, 0, Set.of());

  /// Copies the layers; throws `IllegalArgumentException` for negative steps.
  public AttentionSchedule {
    if (first < 0 || last < 0) {
      throw new IllegalArgumentException(
          "got %d first and %d last steps, expected 0 or more".formatted(first, last));
    }
    layers = Set.copyOf(layers);
  }

  /// Returns the format of a layer's self-attention in a forward.
  public AttentionFormat format(ForwardPass pass, int layer) {
    boolean isPlain =
        pass.step() < first || pass.step() >= pass.steps() - last || layers.contains(layer);
    return isPlain ? AttentionFormat.Simple.PLAIN : format;
  }
}
