package wan4j.schedule;

import wan4j.ops.Ops;
import wan4j.tensor.InputException;

/// The solvers by their names on the command line.
public enum Sampler {
  /// UniPC: predictor and corrector of order 2; the reference's default.
  UNIPC("unipc"),
  /// DPM-Solver++: midpoint, order 2.
  DPM_PLUS_PLUS("dpm++"),
  /// Euler: what step-distilled networks are trained for.
  EULER("euler");

  private final String spelling;

  Sampler(String spelling) {
    this.spelling = spelling;
  }

  /// Returns the name on the command line.
  public String spelling() {
    return spelling;
  }

  /// Returns the sampler with a name; throws `InputException` for others.
  public static Sampler of(String spelling) {
    for (Sampler sampler : values()) {
      if (sampler.spelling.equals(spelling)) {
        return sampler;
      }
    }
    throw new InputException(
        "sample_solver got \"%s\"; it takes unipc, dpm++ or euler".formatted(spelling));
  }

  /// Returns the noise levels for a number of steps and a shift; throws `InputException` when one
  /// of them is out of range.
  public FlowSchedule schedule(int steps, double shift) {
    return switch (this) {
      case UNIPC -> FlowSchedule.unipc(steps, shift);
      case DPM_PLUS_PLUS, EULER -> FlowSchedule.full(steps, shift);
    };
  }

  /// Creates a solver for samples of the given shape; its state lives in the innermost scope.
  public Solver solver(Ops ops, FlowSchedule schedule, long... sizes) {
    return switch (this) {
      case UNIPC -> new UniPcSolver(ops, schedule, sizes);
      case DPM_PLUS_PLUS -> new DpmPlusPlusSolver(ops, schedule, sizes);
      case EULER -> new EulerSolver(schedule);
    };
  }
}
