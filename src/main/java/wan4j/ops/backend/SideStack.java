package wan4j.ops.backend;

import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Linear;
import wan4j.ops.SideBranch;
import wan4j.ops.check.SideShapes;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What the adapters of one layer become: the layer's bias as it is with them, or null, and chains
/// of weights `[outputs, inputs]`, each applied to what the one before it made, whose results are
/// added to the layer's product before the bias and the function that follows. All low-rank
/// branches are one chain of two weights, their ranks stacked.
public record SideStack(Tensor bias, List<List<Tensor>> chains) {
  /// Copies the list.
  public SideStack {
    chains = List.copyOf(chains);
  }

  /// Where the weights of branches live.
  public interface Home {
    /// Creates a matrix of zeros.
    Tensor zeros(long rows, long columns);

    /// Creates a copy of the layer's bias `[outputs]`, zeros where it has none.
    Tensor copyOfBias();

    /// Loads a tensor in the target's type.
    void load(TensorSource source, Tensor target);

    /// Adds `factor source`, whose rows are so many columns long, to the part of a matrix that
    /// begins at a row and a column.
    void addScaled(
        TensorSource source, int columns, float factor, Tensor target, int row, int column);
  }

  /// Stacks branches; throws `IllegalArgumentException` when one does not fit the layer.
  public static SideStack of(Linear layer, List<SideBranch> branches, Tensor bias, Home home) {
    SideShapes shapes = SideShapes.of(layer, branches);
    Tensor down = home.zeros(shapes.rank(), layer.inputs());
    Tensor up = home.zeros(layer.outputs(), shapes.rank());
    Tensor dense = shapes.hasDense() ? home.zeros(layer.outputs(), layer.inputs()) : null;
    Tensor changed = shapes.hasBias() ? home.copyOfBias() : bias;
    int first = 0;
    for (SideBranch branch : branches) {
      int output = branch.firstOutput();
      switch (branch) {
        case SideBranch.LowRank pair -> {
          home.load(pair.down(), down.slice(first, pair.rank()));
          home.addScaled(pair.up(), pair.rank(), pair.factor(), up, output, first);
          first += pair.rank();
        }
        case SideBranch.Dense full ->
            home.addScaled(full.weight(), layer.inputs(), full.factor(), dense, output, 0);
        case SideBranch.Bias change -> {
          Tensor column = changed.reshape(layer.outputs(), 1);
          home.addScaled(change.bias(), 1, change.factor(), column, output, 0);
        }
      }
    }
    List<List<Tensor>> chains = new ArrayList<>();
    if (shapes.rank() > 0) {
      chains.add(List.of(down, up));
    }
    if (dense != null) {
      chains.add(List.of(dense));
    }
    return new SideStack(changed, chains);
  }
}
