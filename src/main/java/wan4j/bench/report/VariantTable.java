package wan4j.bench.report;

import java.util.ArrayList;
import java.util.IntSummaryStatistics;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.SequencedSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import wan4j.bench.measure.Measurement;

/// The results of one benchmark as Markdown: what all variants have in common as a sentence, then
/// either a line for each variant, or, where there are many metrics, a column for each.
final class VariantTable {
  /// With more metrics than this, variants become columns.
  private static final int METRICS_IN_A_LINE = 7;

  /// Columns are headed by a variant's parameters up to this length, else by a letter.
  private static final int LONGEST_HEAD = 28;

  /// The least and the largest value are shown where one of them is farther than this from the
  /// median, relative to it.
  private static final double QUIET_SPREAD = 0.01;

  private static final String OPERATION = "op: ";
  private static final String ONCE = ", 1 calls";
  private static final String TIME = "time, ";
  private static final String OUR_TIME = TIME + Variant.OURS;

  private final List<Variant> variants;
  private final SequencedSet<String> varying = new LinkedHashSet<>();
  private final SequencedSet<String> common = new LinkedHashSet<>();
  private final SequencedSet<String> metrics = new LinkedHashSet<>();

  private VariantTable(List<Variant> variants) {
    this.variants = variants;
    SequencedSet<String> names = new LinkedHashSet<>();
    variants.forEach(variant -> {
      names.addAll(variant.parameters().keySet());
      metrics.addAll(variant.metrics().keySet());
    });
    for (String name : names) {
      boolean isCommon = variants.stream().map(v -> v.parameter(name)).distinct().count() == 1;
      (isCommon ? common : varying).add(name);
    }
  }

  /// Returns the tables of the results of one benchmark, at least one.
  static String of(List<Measurement> results) {
    VariantTable table = new VariantTable(Variant.of(results));
    return table.inCommon() + (table.isWide() ? table.columns() : table.lines());
  }

  private boolean isWide() {
    return metrics.size() > METRICS_IN_A_LINE;
  }

  private String inCommon() {
    String parameters =
        common.stream()
            .map(name -> name + " " + variants.getFirst().parameter(name))
            .collect(Collectors.joining(", "));
    String prefix = variants.size() == 1 ? "Measured with" : "All with";
    return "\n%s%s\n"
        .formatted(parameters.isEmpty() ? "" : prefix + ": " + parameters + ". ", runs());
  }

  /// How many runs the figures are of; those that need only one, such as memory, are left aside.
  private String runs() {
    IntSummaryStatistics runs =
        variants.stream()
            .flatMap(variant -> variant.metrics().values().stream())
            .mapToInt(Measurement::runs)
            .filter(count -> count > 1)
            .summaryStatistics();
    return runs.getCount() == 0
        ? "One run."
        : runs.getMin() == runs.getMax()
            ? "Runs: %d.".formatted(runs.getMax())
            : "Runs: %d to %d.".formatted(runs.getMin(), runs.getMax());
  }

  /// A line for each variant.
  private String lines() {
    List<String> head = new ArrayList<>(varying);
    metrics.forEach(metric -> head.add(title(metric)));
    List<String> peers = peers();
    peers.forEach(peer -> head.add("times as fast as " + peer));
    List<List<String>> rows = new ArrayList<>();
    for (Variant variant : variants) {
      List<String> cells = new ArrayList<>();
      varying.forEach(name -> cells.add(variant.parameter(name)));
      metrics.forEach(metric -> cells.add(cell(variant, metric)));
      peers.forEach(peer -> cells.add(ratio(variant, peer)));
      rows.add(cells);
    }
    return MarkdownTable.of(head, varying.size(), rows);
  }

  /// The implementations whose time stands beside ours.
  private List<String> peers() {
    return metrics.contains(OUR_TIME)
        ? metrics.stream()
            .filter(metric -> metric.startsWith(TIME) && !metric.equals(OUR_TIME))
            .map(metric -> metric.substring(TIME.length()))
            .toList()
        : List.of();
  }

  private static String ratio(Variant variant, String peer) {
    Measurement ours = variant.metrics().get(OUR_TIME);
    Measurement theirs = variant.metrics().get(TIME + peer);
    return ours == null || theirs == null
        ? ""
        : String.format(Locale.ROOT, "%.2f", theirs.median() / ours.median());
  }

  /// A column for each variant; single operations have a table of their own.
  private String columns() {
    StringBuilder text = new StringBuilder();
    List<String> heads = heads();
    if (!heads.equals(parameterHeads()) && !varying.isEmpty()) {
      text.append(legend(heads));
    }
    text.append(matrix("metric", heads, metric -> !metric.startsWith(OPERATION)));
    if (metrics.stream().anyMatch(metric -> metric.startsWith(OPERATION))) {
      text.append("\nBy operation, all its calls in one run together:\n");
      text.append(matrix("operation", heads, metric -> metric.startsWith(OPERATION)));
    }
    return text.toString();
  }

  private String legend(List<String> heads) {
    List<String> head = new ArrayList<>(List.of("variant"));
    head.addAll(varying);
    List<List<String>> rows = new ArrayList<>();
    for (int i = 0; i < variants.size(); i++) {
      List<String> cells = new ArrayList<>(List.of(heads.get(i)));
      Variant variant = variants.get(i);
      varying.forEach(name -> cells.add(variant.parameter(name)));
      rows.add(cells);
    }
    return MarkdownTable.of(head, head.size(), rows);
  }

  private String matrix(String corner, List<String> heads, Predicate<String> isIn) {
    List<String> head = new ArrayList<>(List.of(corner));
    head.addAll(heads);
    List<List<String>> rows = new ArrayList<>();
    for (String metric : metrics) {
      if (isIn.test(metric)) {
        List<String> cells = new ArrayList<>(List.of(title(metric)));
        variants.forEach(variant -> cells.add(cell(variant, metric)));
        rows.add(cells);
      }
    }
    return MarkdownTable.of(head, 1, rows);
  }

  private List<String> heads() {
    List<String> parameters = parameterHeads();
    if (parameters.stream().allMatch(head -> head.length() <= LONGEST_HEAD)) {
      return parameters;
    }
    List<String> letters = new ArrayList<>();
    for (int i = 0; i < variants.size(); i++) {
      letters.add(String.valueOf((char) ('A' + i)));
    }
    return letters;
  }

  private List<String> parameterHeads() {
    if (varying.isEmpty()) {
      return List.of("median");
    }
    return variants.stream()
        .map(variant ->
            varying.stream()
                .map(name -> name + " " + variant.parameter(name))
                .collect(Collectors.joining(", ")))
        .toList();
  }

  private String title(String metric) {
    String unit =
        variants.stream()
            .filter(variant -> variant.metrics().containsKey(metric))
            .map(variant -> variant.metrics().get(metric).unit())
            .findFirst()
            .orElseThrow();
    String name = metric.startsWith(OPERATION) ? metric.substring(OPERATION.length()) : metric;
    String shown = name.endsWith(ONCE) ? name.substring(0, name.length() - ONCE.length()) : name;
    return unit.isEmpty() || shown.startsWith(unit + " ")
        ? shown
        : "%s (%s)".formatted(shown, unit);
  }

  private static String cell(Variant variant, String metric) {
    Measurement result = variant.metrics().get(metric);
    if (result == null) {
      return "";
    }
    String median = Report.number(result.median());
    double spread =
        Math.max(result.max() - result.median(), result.median() - result.min())
            / Math.abs(result.median());
    return result.runs() == 1 || !(spread > QUIET_SPREAD)
        ? median
        : "%s (%s to %s)"
            .formatted(median, Report.number(result.min()), Report.number(result.max()));
  }
}
