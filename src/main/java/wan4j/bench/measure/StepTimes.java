package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.ops.Ops;
import wan4j.pipeline.StepListener;
import wan4j.weights.Expert;

/// Records the time of each step of a request, and how many of its forwards were computed.
public final class StepTimes implements StepListener {
  /// A step's seconds and the forwards that came from the cache.
  private record Step(double seconds, int forwards, int skipped) {}

  private final Ops ops;
  private final Consumer<String> log;
  private final Map<Expert, List<Step>> steps = new EnumMap<>(Expert.class);
  private final long first = System.nanoTime();
  private long began;

  public StepTimes(Ops ops, Consumer<String> log) {
    this.ops = ops;
    this.log = log;
  }

  @Override
  public void begins(int step, Expert expert) {
    ops.synchronize();
    began = System.nanoTime();
  }

  @Override
  public void ends(Outcome outcome) {
    ops.synchronize();
    long now = System.nanoTime();
    int forwards = outcome.conditional() == outcome.unconditional() ? 1 : 2;
    Step step = new Step((now - began) / 1e9, forwards, outcome.skipped());
    steps.computeIfAbsent(outcome.expert(), _ -> new ArrayList<>()).add(step);
    log.accept(
        String.format(
            Locale.ROOT,
            "step %d of %d, %s: %.2f s, %d of %d forwards skipped, %.0f s since the first",
            outcome.step() + 1,
            outcome.steps(),
            name(outcome.expert()),
            step.seconds,
            step.skipped,
            step.forwards,
            (now - first) / 1e9));
  }

  /// Returns the median seconds of an expert's steps, of all steps for one that had none.
  public double medianStep(Expert expert) {
    List<Step> own = steps.get(expert);
    return Measurement.medianOf(
        (own == null ? steps.values().stream().flatMap(List::stream) : own.stream())
            .mapToDouble(Step::seconds)
            .toArray());
  }

  /// Returns how many steps of an expert there were.
  public int count(Expert expert) {
    return steps.getOrDefault(expert, List.of()).size();
  }

  /// Returns each expert's time, that of a step in which nothing was skipped, and the numbers of
  /// forwards.
  public List<Measurement> measurements(Map<String, Object> parameters) {
    List<Measurement> results = new ArrayList<>();
    int computed = 0;
    int skipped = 0;
    for (Map.Entry<Expert, List<Step>> entry : steps.entrySet()) {
      String name = name(entry.getKey());
      List<Step> own = entry.getValue();
      double sum = own.stream().mapToDouble(Step::seconds).sum();
      results.add(Measurement.of("generate", parameters, "steps of " + name, "s", sum));
      double[] whole =
          own.stream().filter(step -> step.skipped == 0).mapToDouble(Step::seconds).toArray();
      if (whole.length > 0) {
        results.add(Measurement.of("generate", parameters, "step of " + name, "s", whole));
      }
      for (Step step : own) {
        computed += step.forwards - step.skipped;
        skipped += step.skipped;
      }
    }
    results.add(Measurement.of("generate", parameters, "forwards computed", "", computed));
    results.add(Measurement.of("generate", parameters, "forwards skipped", "", skipped));
    return results;
  }

  private static String name(Expert expert) {
    return expert.name().toLowerCase(Locale.ROOT);
  }
}
