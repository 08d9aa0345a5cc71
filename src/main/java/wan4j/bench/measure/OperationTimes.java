package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import wan4j.bench.measure.OpTime.Family;

/// The times of single operations: while work is profiled, a mark is set before and after each.
public final class OperationTimes {
  private record Span(String name, Family family, double operations, long from, long to) {}

  private final Clock clock;
  private final List<List<Span>> passes = new ArrayList<>();
  private List<Span> spans; // null while nothing is timed

  public OperationTimes(Clock clock) {
    this.clock = clock;
  }

  /// Runs work once with every operation timed.
  public void profile(Runnable work) {
    spans = new ArrayList<>();
    passes.add(spans);
    try {
      work.run();
    } finally {
      spans = null;
    }
  }

  /// Returns what was profiled since the last call, and forgets it; the clock's marks must be kept
  /// until then.
  public OperationProfile profile() {
    OperationProfile profile = new OperationProfile(passes.stream().map(this::sums).toList());
    passes.clear();
    return profile;
  }

  /// Runs an operation and returns its result; while work is profiled, records its time.
  <T> T timed(String name, Family family, double operations, Supplier<T> operation) {
    if (spans == null) {
      return operation.get();
    }
    long from = clock.mark();
    T result = operation.get();
    spans.add(new Span(name, family, operations, from, clock.mark()));
    return result;
  }

  private List<OpTime> sums(List<Span> pass) {
    Map<String, OpTime> sums = new LinkedHashMap<>();
    for (Span span : pass) {
      OpTime time =
          new OpTime(
              span.name, span.family, clock.milliseconds(span.from, span.to), span.operations, 1);
      sums.merge(span.name, time, OpTime::plus);
    }
    return List.copyOf(sums.values());
  }
}
