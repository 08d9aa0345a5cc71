package wan4j.weights.lora;

import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// What a LoRA file adds to one parameter at strength 1.
public sealed interface LoraDelta {
  /// Says whether it can be added to a parameter of this shape.
  boolean fits(Shape shape);

  /// Returns its shapes for messages.
  String describe();

  /// The product of two thin matrices: `scale · up · down`.
  ///
  /// @param down the inner matrix, [rank, in]
  /// @param up the outer matrix, [out, rank]
  /// @param scale alpha / rank, or 1 when the file gives no alpha, neither as a tensor nor in its
  ///   header
  record LowRank(TensorSource down, TensorSource up, float scale) implements LoraDelta {
    /// Returns the inner size of the product.
    public int rank() {
      return down.shape().length(0);
    }

    @Override
    public boolean fits(Shape shape) {
      return shape.rank() >= 2
          && shape.count() > 0
          && up.shape().count() == shape.size(0) * rank()
          && down.shape().count() == shape.count() / shape.size(0) * rank();
    }

    @Override
    public String describe() {
      return up.shape() + " by " + down.shape();
    }
  }

  /// A difference of the parameter's own shape.
  ///
  /// @param values what is added
  record Difference(TensorSource values) implements LoraDelta {
    @Override
    public boolean fits(Shape shape) {
      return values.shape().count() == shape.count();
    }

    @Override
    public String describe() {
      return values.shape().toString();
    }
  }
}
