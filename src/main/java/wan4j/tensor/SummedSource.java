package wan4j.tensor;

import java.util.List;

/// A tensor to which something is added while it is read, as LoRA files do; whoever merely reads it
/// gets the sum in float32. A backend may load the base and compute the sum itself, in float32 too:
/// the two differ by the order of sums alone.
public interface SummedSource extends TensorSource {
  /// Returns the tensor to which is added.
  TensorSource base();

  /// Returns what is added, in order.
  List<Addend> addends();

  /// Returns the length of a row: what lies under one index of the outermost of two or more axes.
  default int rowLength() {
    return Math.toIntExact(
        shape().rank() < 2 ? shape().count() : shape().count() / Math.max(1, shape().size(0)));
  }

  /// One thing that is added.
  sealed interface Addend {
    /// Returns by what it is multiplied.
    float factor();

    /// Adds `factor up down`.
    ///
    /// @param up the outer matrix, `[rows, rank]`; more axes count as one
    /// @param down the inner matrix, `[rank, row length]`; more axes count as one
    /// @param factor by what the product is multiplied
    record Product(TensorSource up, TensorSource down, float factor) implements Addend {
      /// Returns the inner size of the product.
      public int rank() {
        return down.shape().length(0);
      }
    }

    /// Adds `factor values`.
    ///
    /// @param values as many as the tensor has
    /// @param factor by what they are multiplied
    record Values(TensorSource values, float factor) implements Addend {}
  }
}
