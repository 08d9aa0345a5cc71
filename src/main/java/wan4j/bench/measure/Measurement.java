package wan4j.bench.measure;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// One measured figure: what was measured under which parameters, and the median, least and largest
/// of its runs.
///
/// @param benchmark what ran, such as "block"
/// @param parameters its settings by name: numbers and strings
/// @param metric what was measured, such as "time"
/// @param unit its unit, such as "ms"
public record Measurement(
    String benchmark,
    Map<String, Object> parameters,
    String metric,
    String unit,
    double median,
    double min,
    double max,
    int runs) {
  /// Keeps the order of the parameters.
  public Measurement {
    parameters = new LinkedHashMap<>(parameters);
  }

  /// Creates a measurement from the values of its runs, at least one.
  public static Measurement of(
      String benchmark,
      Map<String, Object> parameters,
      String metric,
      String unit,
      double... values) {
    double[] sorted = sorted(values);
    return new Measurement(
        benchmark,
        parameters,
        metric,
        unit,
        medianOf(values),
        sorted[0],
        sorted[sorted.length - 1],
        values.length);
  }

  /// Returns the median of values, at least one.
  static double medianOf(double... values) {
    double[] sorted = sorted(values);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static double[] sorted(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted;
  }
}
