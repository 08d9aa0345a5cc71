package wan4j;

import java.util.Objects;
import wan4j.schedule.FlowSchedule;
import wan4j.tensor.InputException;

/// How a video is sampled from noise; bad values are refused with an `InputException`. Programs
/// begin with a task's usual way and change what they want, solver and noise by their names.
///
/// @param solver what takes the steps
/// @param steps solver steps, 1 to 1000
/// @param shift how far the noise levels are shifted up, above 0
/// @param lowGuidance guidance scale of the low-noise or only expert, 0 to 1000; 1 for none
/// @param highGuidance guidance scale of the high-noise expert
/// @param seed seed of the noise, 0 to 2^64 - 1 as an unsigned number, as PyTorch takes it
/// @param noise whose generator of PyTorch's the noise equals
public record Sampling(
    Solver solver,
    int steps,
    double shift,
    double lowGuidance,
    double highGuidance,
    long seed,
    Generator noise) {
  /// The solvers.
  public enum Solver {
    /// UniPC: predictor and corrector of order 2; the reference's default.
    UNIPC("unipc"),
    /// DPM-Solver++: midpoint, order 2.
    DPM_PLUS_PLUS("dpm++"),
    /// Euler: what step-distilled networks are trained for.
    EULER("euler");

    private final String spelling;

    Solver(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the name on the command line.
    public String spelling() {
      return spelling;
    }

    /// Returns the solver with a name; throws `InputException` for others.
    public static Solver of(String name) {
      for (Solver solver : values()) {
        if (solver.spelling.equals(name)) {
          return solver;
        }
      }
      throw new InputException(
          "sample_solver got \"%s\"; it takes unipc, dpm++ or euler".formatted(name));
    }
  }

  /// The generators of noise.
  public enum Generator {
    /// PyTorch's generator on a CPU.
    CPU("cpu"),
    /// PyTorch's generator on an NVIDIA GPU, which the reference draws from.
    CUDA("cuda");

    private final String spelling;

    Generator(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the name on the command line.
    public String spelling() {
      return spelling;
    }

    /// Returns the generator with a name; throws `InputException` for others.
    public static Generator of(String name) {
      for (Generator generator : values()) {
        if (generator.spelling.equals(name)) {
          return generator;
        }
      }
      throw new InputException("noise got \"%s\"; it takes cpu or cuda".formatted(name));
    }
  }

  /// Checks every value; null is refused by name, with a `NullPointerException`.
  public Sampling {
    Objects.requireNonNull(solver, "solver");
    Objects.requireNonNull(noise, "noise");
    FlowSchedule.require(steps, shift);
    requireScale(lowGuidance);
    requireScale(highGuidance);
  }

  private static void requireScale(double value) {
    if (!(value >= 0 && value <= 1000)) {
      throw new InputException(
          "sample_guide_scale got %s; it takes a number from 0 to 1000, 3 to 5 being usual"
              .formatted(value));
    }
  }

  /// Returns a task's usual way with a seed.
  public static Sampling of(Task task, long seed) {
    Task.Defaults defaults = task.defaults();
    return new Sampling(
        Solver.UNIPC,
        defaults.steps(),
        defaults.shift(),
        defaults.lowGuidance(),
        defaults.highGuidance(),
        seed,
        Generator.CUDA);
  }

  /// Returns the same with another number of steps.
  public Sampling withSteps(int count) {
    return new Sampling(solver, count, shift, lowGuidance, highGuidance, seed, noise);
  }

  /// Returns the same with noise of another seed, 0 or more.
  public Sampling withSeed(long other) {
    return new Sampling(solver, steps, shift, lowGuidance, highGuidance, other, noise);
  }

  /// Returns the same with a solver by its name, unipc, dpm++ or euler.
  public Sampling withSolver(String name) {
    return new Sampling(Solver.of(name), steps, shift, lowGuidance, highGuidance, seed, noise);
  }

  /// Returns the same with another shift of the noise levels.
  public Sampling withShift(double value) {
    return new Sampling(solver, steps, value, lowGuidance, highGuidance, seed, noise);
  }

  /// Returns the same with other guidance scales of the low-noise or only and of the high-noise
  /// expert.
  public Sampling withGuidance(double low, double high) {
    return new Sampling(solver, steps, shift, low, high, seed, noise);
  }

  /// Returns the same with PyTorch's noise on a device by its name, cuda or cpu.
  public Sampling withNoise(String name) {
    return new Sampling(solver, steps, shift, lowGuidance, highGuidance, seed, Generator.of(name));
  }
}
