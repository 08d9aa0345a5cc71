package wan4j.schedule;

import wan4j.tensor.InputException;

/// The noise levels of a sampling run: step `i` goes from `sigma(i)` to `sigma(i + 1)`, the last
/// sigma being 0, and the network sees the integer `timestep(i)`.
///
/// Follows Wan-Video/Wan2.2 42bf4cf, wan/utils/fm_solvers_unipc.py and fm_solvers.py, with one
/// departure: there a run whose first two integer timesteps are equal (above 80 steps or so) starts
/// at the second noise level and fails at its last step; here it starts at the first and finishes.
public final class FlowSchedule {
  /// The number of integer timesteps that the networks were trained on.
  public static final int TRAINING_STEPS = 1000;

  private final float[] sigmas;
  private final int[] timesteps;

  private FlowSchedule(float[] sigmas, int[] timesteps) {
    this.sigmas = sigmas;
    this.timesteps = timesteps;
  }

  /// Creates UniPC's schedule, whose first noise level is the float32 nearest to 0.999, shifted.
  public static FlowSchedule unipc(int steps, double shift) {
    return of(0.999f, steps, shift);
  }

  /// Creates the schedule of DPM++ and Euler, whose first noise level is 1.
  public static FlowSchedule full(int steps, double shift) {
    return of(1.0, steps, shift);
  }

  /// Throws `InputException` for a number of steps or a shift out of range.
  public static void require(int steps, double shift) {
    if (steps < 1 || steps > TRAINING_STEPS) {
      throw new InputException(
          "sample_steps got %d; it takes 1 to %d, 40 or 50 being usual"
              .formatted(steps, TRAINING_STEPS));
    }
    if (!(shift > 0 && shift < Double.POSITIVE_INFINITY)) {
      throw new InputException(
          "sample_shift got %s; it takes a number above 0, 3 to 12 being usual".formatted(shift));
    }
  }

  private static FlowSchedule of(double first, int steps, double shift) {
    require(steps, shift);
    float[] sigmas = new float[steps + 1];
    int[] timesteps = new int[steps];
    // in float64 and in this order of operations: truncation to integers shows the last bit
    double stride = -first / steps;
    for (int i = 0; i < steps; i++) {
      double even = i * stride + first;
      double sigma = shift * even / (1 + (shift - 1) * even);
      sigmas[i] = (float) sigma;
      timesteps[i] = (int) (sigma * TRAINING_STEPS);
    }
    return new FlowSchedule(sigmas, timesteps);
  }

  /// Returns the number of steps.
  public int steps() {
    return timesteps.length;
  }

  /// Returns the noise level at which a step begins; `sigma(steps())` is 0.
  public float sigma(int step) {
    return sigmas[step];
  }

  /// Returns the integer timestep that the network sees at a step, 1000 at most.
  public int timestep(int step) {
    return timesteps[step];
  }

  /// Returns half the logarithm of the signal-to-noise ratio at a noise level, -∞ at noise level 1
  /// and ∞ at 0.
  double logRatio(int step) {
    double sigma = sigmas[step];
    // 1 - sigma is taken in float32, as the reference does
    return Math.log(1f - sigmas[step]) - Math.log(sigma);
  }
}
