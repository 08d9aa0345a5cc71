package wan4j.ops.check;

import java.util.List;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// The sizes of a linear layer whose weights are stacked along their outputs.
public record LinearShapes(int inputs, int outputs) {
  /// Returns the sizes; throws `IllegalArgumentException` when the weights do not stack or the
  /// biases do not fit them.
  public static LinearShapes of(List<TensorSource> weights, List<TensorSource> biases) {
    if (weights.isEmpty() || (!biases.isEmpty() && biases.size() != weights.size())) {
      throw new IllegalArgumentException(
          "linear: got %d weights and %d biases, expected a bias for each weight or none"
              .formatted(weights.size(), biases.size()));
    }
    long inputs = columns(weights.getFirst());
    long outputs = 0;
    for (int i = 0; i < weights.size(); i++) {
      TensorSource weight = weights.get(i);
      if (columns(weight) != inputs) {
        throw new IllegalArgumentException(
            "linear: %s is %s, expected %d columns as in %s"
                .formatted(weight.name(), weight.shape(), inputs, weights.getFirst().name()));
      }
      if (!biases.isEmpty()) {
        requireBias(biases.get(i), weight.shape().size(0));
      }
      outputs += weight.shape().size(0);
    }
    return new LinearShapes(Math.toIntExact(inputs), Math.toIntExact(outputs));
  }

  /// Throws `IllegalArgumentException` when a bias has not one element for each output.
  public static void requireBias(TensorSource bias, long outputs) {
    if (!bias.shape().equals(Shape.of(outputs))) {
      throw new IllegalArgumentException(
          "bias %s is %s, expected [%d]".formatted(bias.name(), bias.shape(), outputs));
    }
  }

  /// Returns `[outputs, inputs]`.
  public Shape weight() {
    return Shape.of(outputs, inputs);
  }

  private static long columns(TensorSource weight) {
    Shape shape = weight.shape();
    if (shape.rank() < 2 || shape.size(0) == 0) {
      throw new IllegalArgumentException(
          "linear: %s is %s, expected [outputs, inputs]".formatted(weight.name(), shape));
    }
    return shape.count() / shape.size(0);
  }
}
