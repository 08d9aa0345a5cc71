package wan4j.bench;

import static wan4j.bench.LayerErrorBenchmark.BEYOND;
import static wan4j.bench.LayerErrorBenchmark.ERROR;
import static wan4j.bench.LayerErrorBenchmark.EXACT_SUMS;
import static wan4j.bench.LayerErrorBenchmark.RATIO;
import static wan4j.bench.LayerErrorBenchmark.TIME;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// The measurements of `bench layers` as two tables: recipes side by side for each layer and kind
/// of inputs, and what sums in float32 would bring and cost.
final class LayerTable {
  private static final String NOTHING = "-";

  private final SequencedSet<String> recipes = new LinkedHashSet<>();
  private final SequencedMap<List<String>, Map<String, Double>> rows = new LinkedHashMap<>();

  private LayerTable(List<Measurement> results) {
    for (Measurement result : results) {
      if (result.metric().endsWith(ERROR)) {
        recipes.add(result.metric().substring(0, result.metric().length() - ERROR.length()));
      }
      rows.computeIfAbsent(name(result.parameters()), _ -> new LinkedHashMap<>())
          .put(result.metric(), result.median());
    }
  }

  private static List<String> name(Map<String, Object> parameters) {
    String layer =
        "%s, %s x %s"
            .formatted(
                parameters.get("layer"), parameters.get("outputs"), parameters.get("inputs"));
    return List.of(layer, parameters.get("activations").toString());
  }

  /// Returns the tables of measurements whose benchmark is `layers`, in Markdown.
  static String of(List<Measurement> results) {
    LayerTable table = new LayerTable(results);
    Map<String, Object> parameters = results.getFirst().parameters();
    return "\n### layers: %s, %s, %s rows\n"
            .formatted(parameters.get("precision"), parameters.get("task"), parameters.get("rows"))
        + table.errors()
        + table.sums();
  }

  private String errors() {
    StringBuilder text =
        new StringBuilder("\nRelative L2 error in per cent, and over the floor:\n\n");
    head(text, recipes);
    rows.forEach((name, figures) -> {
      List<String> cells = new ArrayList<>(name);
      for (String recipe : recipes) {
        cells.add(cell("%.2f (%.3f)", figures.get(recipe + ERROR), figures.get(recipe + RATIO)));
      }
      line(text, cells);
    });
    return text.toString();
  }

  /// What is beyond the exact product in per cent, in the library's fast sums and in float32, and
  /// both times; recipes whose sums leave no choice, and inputs on which times were not taken, have
  /// a dash.
  private String sums() {
    List<String> chosen =
        recipes.stream()
            .filter(
                r -> rows.values().stream().anyMatch(f -> f.containsKey(r + EXACT_SUMS + BEYOND)))
            .toList();
    if (chosen.isEmpty()) {
      return "";
    }
    StringBuilder text =
        new StringBuilder(
            "\n"
                + "Beyond the exact product in per cent, with fast sums and with float32 sums;"
                + " their times:\n\n");
    head(text, chosen);
    rows.forEach((name, figures) -> {
      List<String> cells = new ArrayList<>(name);
      for (String recipe : chosen) {
        String beyond =
            cell(
                "%.2f, %.2f",
                figures.get(recipe + BEYOND), figures.get(recipe + EXACT_SUMS + BEYOND));
        String times =
            cell(
                "%.3f, %.3f ms",
                figures.get(recipe + TIME), figures.get(recipe + EXACT_SUMS + TIME));
        cells.add(times.equals(NOTHING) ? beyond : beyond + "; " + times);
      }
      line(text, cells);
    });
    return text.toString();
  }

  private static String cell(String format, Double first, Double second) {
    return first == null || second == null
        ? NOTHING
        : String.format(Locale.ROOT, format, first, second);
  }

  private static void head(StringBuilder text, Iterable<String> recipes) {
    text.append("| layer | inputs | ").append(String.join(" | ", recipes)).append(" |\n");
    text.append("| --- | --- |");
    recipes.forEach(_ -> text.append(" ---: |"));
    text.append('\n');
  }

  private static void line(StringBuilder text, List<String> cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
