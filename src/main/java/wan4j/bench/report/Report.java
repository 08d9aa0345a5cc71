package wan4j.bench.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import wan4j.bench.measure.Measurement;

/// Measurements as lines on the screen.
public final class Report {
  private Report() {}

  /// Returns measurements as lines for the screen.
  public static List<String> lines(List<Measurement> results) {
    List<String> lines = new ArrayList<>();
    groups(results)
        .forEach((title, group) -> {
          lines.add(title);
          for (Measurement result : group) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "  %-52s %10s %-8s (%s to %s, %d runs)",
                    result.metric(),
                    number(result.median()),
                    result.unit(),
                    number(result.min()),
                    number(result.max()),
                    result.runs()));
          }
        });
    return lines;
  }

  /// Puts together what was measured under the same parameters.
  private static Map<String, List<Measurement>> groups(List<Measurement> results) {
    Map<String, List<Measurement>> groups = new LinkedHashMap<>();
    for (Measurement result : results) {
      String parameters =
          result.parameters().entrySet().stream()
              .map(entry -> entry.getKey() + " " + entry.getValue())
              .collect(Collectors.joining(", "));
      groups
          .computeIfAbsent(result.benchmark() + ": " + parameters, _ -> new ArrayList<>())
          .add(result);
    }
    return groups;
  }

  /// Returns a figure as the pages and the screen show it: whole numbers as they are, others with
  /// three or four significant digits.
  static String number(double value) {
    double magnitude = Math.abs(value);
    if (value == Math.rint(value) && magnitude < 1e9) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    if (magnitude < 1e-3) {
      return String.format(Locale.ROOT, "%.2e", value);
    }
    int digits =
        magnitude >= 1000
            ? 0
            : magnitude >= 100
                ? 1
                : magnitude >= 10 ? 2 : magnitude >= 0.1 ? 3 : magnitude >= 0.01 ? 4 : 5;
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
