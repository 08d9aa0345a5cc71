package wan4j.ops;

import wan4j.quant.Branch;

/// Which of a request's forwards one is.
///
/// @param branch the guidance branch
/// @param step the step, from 0
/// @param steps how many steps the request has
public record ForwardPass(Branch branch, int step, int steps) {
  /// Throws `IllegalArgumentException` for a step that the request does not have.
  public ForwardPass {
    if (step < 0 || step >= steps) {
      throw new IllegalArgumentException(
          "got step %d of %d steps, expected 0 to %d".formatted(step, steps, steps - 1));
    }
  }

  /// Returns the only forward of a branch.
  public static ForwardPass only(Branch branch) {
    return new ForwardPass(branch, 0, 1);
  }
}
