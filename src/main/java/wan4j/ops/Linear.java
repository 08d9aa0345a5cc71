package wan4j.ops;

import wan4j.quant.Branch;

/// A linear layer that lives on a backend: weight `[outputs, inputs]`, bias `[outputs]`, and the
/// precision that belongs to the weight.
public interface Linear {
  /// Returns the number of input columns.
  int inputs();

  /// Returns the number of output columns.
  int outputs();

  /// Returns the format in which the layer wants its input in a forward of the given branch.
  OperandFormat input(Branch branch);
}
