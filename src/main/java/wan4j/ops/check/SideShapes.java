package wan4j.ops.check;

import java.util.List;
import wan4j.ops.Linear;
import wan4j.ops.SideBranch;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// How much lies beside a linear layer: the inner sizes of all low-rank branches together, rounded
/// up to what matrix units want, and whether there are dense branches and biases.
public record SideShapes(int rank, boolean hasDense, boolean hasBias) {
  private static final int RANKS = 16; // the shortest rows that every product of a GPU takes

  /// Returns the sizes of what lies beside a layer; throws `IllegalArgumentException` when a branch
  /// does not fit it.
  public static SideShapes of(Linear layer, List<SideBranch> branches) {
    int rank = 0;
    boolean hasDense = false;
    boolean hasBias = false;
    for (SideBranch branch : branches) {
      switch (branch) {
        case SideBranch.LowRank pair -> {
          require(layer, branch, pair.up(), pair.rank());
          if (pair.down().shape().count() != (long) pair.rank() * layer.inputs()) {
            throw misfit(layer, pair.down());
          }
          rank += pair.rank();
        }
        case SideBranch.Dense dense -> {
          require(layer, branch, dense.weight(), layer.inputs());
          hasDense = true;
        }
        case SideBranch.Bias bias -> {
          require(layer, branch, bias.bias(), 1);
          hasBias = true;
        }
      }
    }
    return new SideShapes(Math.ceilDiv(rank, RANKS) * RANKS, hasDense, hasBias);
  }

  private static void require(Linear layer, SideBranch branch, TensorSource source, int columns) {
    Shape shape = source.shape();
    boolean fits =
        shape.count() > 0
            && shape.count() == shape.size(0) * columns
            && branch.firstOutput() >= 0
            && branch.firstOutput() + shape.size(0) <= layer.outputs();
    if (!fits) {
      throw misfit(layer, source);
    }
  }

  private static IllegalArgumentException misfit(Linear layer, TensorSource source) {
    return new IllegalArgumentException(
        "beside: %s is %s, which does not fit a layer of %d inputs and %d outputs"
            .formatted(source.name(), source.shape(), layer.inputs(), layer.outputs()));
  }
}
