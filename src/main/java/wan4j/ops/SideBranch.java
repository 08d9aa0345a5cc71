package wan4j.ops;

import wan4j.tensor.TensorSource;

/// What is added beside a linear layer that is loaded, on its outputs from `firstOutput` on, while
/// the layer's weight stays as it is.
public sealed interface SideBranch {
  /// Returns the first output that is changed.
  int firstOutput();

  /// Adds `factor up down x`.
  ///
  /// @param firstOutput the first output that is changed
  /// @param down the inner matrix, `[rank, inputs]`; more axes count as one
  /// @param up the outer matrix, `[outputs, rank]`; more axes count as one
  /// @param factor by what the product is multiplied
  record LowRank(int firstOutput, TensorSource down, TensorSource up, float factor)
      implements SideBranch {
    /// Returns the inner size of the product.
    public int rank() {
      return down.shape().length(0);
    }
  }

  /// Adds `factor weight x`.
  ///
  /// @param firstOutput the first output that is changed
  /// @param weight `[outputs, inputs]`; more axes count as one
  /// @param factor by what the product is multiplied
  record Dense(int firstOutput, TensorSource weight, float factor) implements SideBranch {}

  /// Adds `factor bias`.
  ///
  /// @param firstOutput the first output that is changed
  /// @param bias `[outputs]`
  /// @param factor by what the bias is multiplied
  record Bias(int firstOutput, TensorSource bias, float factor) implements SideBranch {}
}
