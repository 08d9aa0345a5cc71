package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import wan4j.bench.measure.OpTime.Family;

/// The times of each operation of some work, run by run.
///
/// @param passes for each run the sums over equal operations, in the order of their first calls
public record OperationProfile(List<List<OpTime>> passes) {
  /// Returns the floating-point operations of all products of one run.
  public double operations() {
    return passes.getFirst().stream().mapToDouble(OpTime::operations).sum();
  }

  /// Measures each family's time and rate, and each operation's time.
  public List<Measurement> measurements(String benchmark, Map<String, Object> parameters) {
    List<Measurement> results = new ArrayList<>();
    for (Family family : Family.values()) {
      if (passes.getFirst().stream().anyMatch(op -> op.family() == family)) {
        addFamily(results, benchmark, parameters, family);
      }
    }
    List<OpTime> first = passes.getFirst();
    for (int i = 0; i < first.size(); i++) {
      int index = i;
      OpTime op = first.get(i);
      double[] values =
          passes.stream().mapToDouble(pass -> pass.get(index).milliseconds()).toArray();
      String name = "op: %s, %d calls".formatted(op.name(), op.calls());
      results.add(Measurement.of(benchmark, parameters, name, "ms", values));
    }
    return results;
  }

  private void addFamily(
      List<Measurement> results, String benchmark, Map<String, Object> parameters, Family family) {
    double[] times = passes.stream().mapToDouble(pass -> milliseconds(pass, family)).toArray();
    String name = family.name().toLowerCase(Locale.ROOT);
    results.add(Measurement.of(benchmark, parameters, name, "ms", times));
    double operations = operations(passes.getFirst(), family);
    if (operations > 0) {
      results.add(
          Measurement.of(
              benchmark,
              parameters,
              name + " rate",
              "TFLOP/s",
              Rates.teraflops(operations, times)));
    }
  }

  private static double milliseconds(List<OpTime> pass, Family family) {
    return pass.stream()
        .filter(op -> op.family() == family)
        .mapToDouble(OpTime::milliseconds)
        .sum();
  }

  private static double operations(List<OpTime> pass, Family family) {
    return pass.stream().filter(op -> op.family() == family).mapToDouble(OpTime::operations).sum();
  }
}
