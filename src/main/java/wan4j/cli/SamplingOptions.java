package wan4j.cli;

import java.math.BigInteger;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Option;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.tensor.InputException;

/// The flags that say how a video is sampled.
final class SamplingOptions {
  @Option(
      names = {"--sample_solver", "--solver"},
      defaultValue = "unipc",
      description = "unipc, dpm++ or euler (default: ${DEFAULT-VALUE}).")
  private String solver;

  @Option(
      names = {"--sample_steps", "--steps"},
      paramLabel = "1..1000",
      description = "Solver steps (default: 40, ti2v 50, animate 20).")
  private Integer steps;

  @Option(
      names = {"--sample_shift", "--shift"},
      description = "How far noise levels are shifted up (default: t2v 12, else 5).")
  private Double shift;

  @Option(
      names = {"--sample_guide_scale", "--guidance"},
      description = "Guidance, one number or LOW,HIGH for the two experts (default: the task's).")
  private String guidance;

  @Option(
      names = {"--base_seed", "--seed"},
      paramLabel = "-1..18446744073709551615",
      defaultValue = "-1",
      description = "The seed of the noise; -1 for a random one.")
  private BigInteger seed;

  @Option(
      names = "--noise",
      defaultValue = "cuda",
      description =
          "Whose noise: PyTorch's on a cuda or on a cpu device (default: ${DEFAULT-VALUE}).")
  private String noise;

  /// Returns the seed that was asked for, an unsigned number, or null where any will do.
  Long seed() {
    return seed.signum() < 0 ? null : Long.valueOf(seed.longValue());
  }

  /// Returns how a task's video is sampled, with a random seed where none was asked for.
  Sampling of(Task task) {
    Long asked = seed();
    long own = asked == null ? ThreadLocalRandom.current().nextLong(Long.MAX_VALUE) : asked;
    Sampling sampling = Sampling.of(task, own).withSolver(solver).withNoise(noise);
    if (steps != null) {
      sampling = sampling.withSteps(steps);
    }
    if (shift != null) {
      sampling = sampling.withShift(shift);
    }
    if (guidance != null) {
      double[] scales = scales(task);
      sampling = sampling.withGuidance(scales[0], scales[1]);
    }
    return sampling;
  }

  private double[] scales(Task task) {
    List<String> parts = List.of(guidance.split(",", -1));
    if (parts.size() > 1 && !task.hasTwoExperts()) {
      throw new InputException(
          "--sample_guide_scale got \"%s\", but %s has one transformer; give one number"
              .formatted(guidance, task.spelling()));
    }
    try {
      double low = Double.parseDouble(parts.getFirst());
      double high = Double.parseDouble(parts.getLast());
      if (parts.size() > 2) {
        throw new NumberFormatException("three numbers");
      }
      return new double[] {low, high};
    } catch (NumberFormatException e) {
      throw new InputException(
          "--sample_guide_scale got \"%s\"; give one number, or LOW,HIGH for the two experts"
              .formatted(guidance),
          e);
    }
  }
}
