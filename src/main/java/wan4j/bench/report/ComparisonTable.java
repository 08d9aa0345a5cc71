package wan4j.bench.report;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import wan4j.bench.measure.Measurement;

/// The table of what wan4j takes, beside what a peer took in the same run.
final class ComparisonTable {
  /// Units of which more is better; of all others, less.
  private static final List<String> RATES = List.of("TFLOP/s", "GB/s");

  private final List<ComparisonRow> rows;
  private final Map<String, BenchmarkFile> files;

  ComparisonTable(List<ComparisonRow> rows, Map<String, BenchmarkFile> files) {
    this.rows = List.copyOf(rows);
    this.files = files;
  }

  /// Returns all rows with their goals and, as link labels, the files of our figures.
  String complete() {
    List<List<String>> lines = new ArrayList<>();
    for (ComparisonRow row : rows) {
      List<String> cells = cells(row);
      cells.add(goal(row));
      cells.add("[%s]".formatted(row.ours().file()));
      lines.add(cells);
    }
    return MarkdownTable.of(
        List.of("what", "wan4j", "peer in the same run", "ratio", "goal", "details"), 1, lines);
  }

  /// Returns the rows that README.md shows.
  String readme() {
    List<List<String>> lines =
        rows.stream().filter(ComparisonRow::isInReadme).map(this::cells).toList();
    return MarkdownTable.of(List.of("what", "wan4j", "beside it", "ratio"), 1, lines);
  }

  private List<String> cells(ComparisonRow row) {
    Measurement ours = row.ours().find(files);
    List<String> cells = new ArrayList<>();
    cells.add(row.what());
    cells.add(figure(ours.median(), ours.unit()));
    if (row.peer() == null) {
      cells.add("");
      cells.add("");
    } else {
      Measurement peer = row.peer().find(files);
      cells.add("%s: %s".formatted(peerName(row), figure(peer.median(), peer.unit())));
      cells.add(String.format(Locale.ROOT, "%.2f ×", ratio(ours, peer)));
    }
    return cells;
  }

  /// The peer's name with the versions of the libraries that it names.
  private String peerName(ComparisonRow row) {
    String name = row.peerName();
    Map<String, String> libraries = files.get(row.peer().file()).environment().libraries();
    for (Map.Entry<String, String> library : libraries.entrySet()) {
      String version = library.getValue().replaceFirst("\\+.*", ""); // a build's own suffix
      name = name.replace(library.getKey(), library.getKey() + " " + version);
    }
    return name;
  }

  /// How many times as fast, or as small, ours is.
  private static double ratio(Measurement ours, Measurement peer) {
    return RATES.contains(ours.unit())
        ? ours.median() / peer.median()
        : peer.median() / ours.median();
  }

  private String goal(ComparisonRow row) {
    ComparisonRow.Goal goal = row.goal();
    if (goal == null) {
      return "";
    }
    Measurement ours = row.ours().find(files);
    boolean isMet =
        switch (goal.kind()) {
          case "at most" -> ours.median() <= goal.value();
          case "at least" -> ours.median() >= goal.value();
          default -> ratio(ours, row.peer().find(files)) >= goal.value();
        };
    String bound =
        switch (goal.kind()) {
          case "at most" -> "≤ " + bound(goal.value(), ours.unit());
          case "at least" -> "≥ " + bound(goal.value(), ours.unit());
          default -> String.format(Locale.ROOT, "≥ %.2f ×", goal.value());
        };
    return bound + (isMet ? ", met" : ", **open**");
  }

  private static String bound(double value, String unit) {
    String number = BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
    return number + (unit.isEmpty() ? "" : " " + unit);
  }

  private static String figure(double value, String unit) {
    return Report.number(value) + (unit.isEmpty() ? "" : " " + unit);
  }
}
