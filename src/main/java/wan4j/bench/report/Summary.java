package wan4j.bench.report;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import wan4j.bench.measure.Measurement;

/// The first table of BENCHMARKS.md: the time of everything that has one, a line each.
final class Summary {
  /// What tells one line from another; everything else stands in the tables below.
  private static final Set<String> TOLD =
      Set.of(
          "recipe",
          "residual",
          "share",
          "size",
          "frames",
          "steps",
          "cache",
          "tokens",
          "keys",
          "rows",
          "network",
          "direction",
          "kernel cache",
          "file type",
          "file bytes",
          "host memory",
          "layers",
          "experts",
          "implementation",
          "by");

  /// The metrics that are a benchmark's time.
  private static final Set<String> TIMES = Set.of("time", "time of a block's layers", "total");

  /// Parameters that say nothing: what is so unless told otherwise.
  private static final Map<String, String> USUAL =
      Map.of("recipe", "none", "residual", "fp32", "cache", "none", "layers", "1");

  private Summary() {}

  /// Returns the table of the results of some files.
  static String of(Collection<BenchmarkFile> files) {
    StringBuilder table = new StringBuilder("\n## At a glance\n\n");
    table.append("| what | device | time | unit | TFLOP/s |\n");
    table.append("| --- | --- | ---: | --- | ---: |\n");
    for (BenchmarkFile file : files) {
      String device = file.environment().device();
      Map<Map<String, Object>, Measurement> rates = new LinkedHashMap<>();
      for (Measurement result : file.results()) {
        if (result.unit().equals("TFLOP/s") && result.metric().startsWith("rate")) {
          rates.put(key(result), result);
        }
      }
      for (Measurement result : file.results()) {
        if (TIMES.contains(result.metric()) && isWhole(result)) {
          Measurement rate = rates.get(key(result));
          table.append(
              "| %s | %s | %s | %s | %s |\n"
                  .formatted(
                      title(result),
                      device,
                      Report.number(result.median()),
                      result.unit(),
                      rate == null ? "" : Report.number(rate.median())));
        }
      }
    }
    return table.toString();
  }

  /// Single layers stand in the tables below.
  private static boolean isWhole(Measurement result) {
    return !List.of("convolution", "layers", "support").contains(result.benchmark())
        && !result.parameters().containsKey("outputs");
  }

  private static Map<String, Object> key(Measurement result) {
    Map<String, Object> key = new LinkedHashMap<>(result.parameters());
    key.put("benchmark", result.benchmark());
    return key;
  }

  private static String title(Measurement result) {
    String parameters =
        result.parameters().entrySet().stream()
            .filter(entry -> TOLD.contains(entry.getKey()))
            .filter(entry -> !entry.getValue().toString().equals(USUAL.get(entry.getKey())))
            .map(Summary::text)
            .collect(Collectors.joining(", "));
    return result.benchmark() + (parameters.isEmpty() ? "" : ": " + parameters);
  }

  private static String text(Map.Entry<String, Object> parameter) {
    return switch (parameter.getKey()) {
      case "recipe", "network", "direction", "size", "implementation" ->
          parameter.getValue().toString();
      default -> parameter.getKey() + " " + parameter.getValue();
    };
  }
}
