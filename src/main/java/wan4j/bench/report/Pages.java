package wan4j.bench.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// The pages made from a folder of measurements: BENCHMARKS.md with the table of comparisons, a
/// page of details for each file, and the table in README.md.
public final class Pages {
  /// The table of comparisons of a folder of measurements: its rows, not its figures.
  static final String ROWS = "table/rows.json";

  static final Path SUMMARY = Path.of("BENCHMARKS.md");
  static final Path DETAILS = Path.of("docs/benchmarks");
  private static final String README_BEGIN = "<!-- table by ./wan4j bench report -->\n";
  private static final String README_END = "\n<!-- end of the table -->";

  private static final String INTRODUCTION =
      """
      # Benchmarks

      Written by `./wan4j bench report` from the files in `benchmarks/` alone; a test compares. Figures are
      medians. A peer stands beside a figure only if it was measured in the same call on the same card; a ratio
      above 1 means that wan4j is faster. Networks have full size and random weights. "720P" is 1280×720 with 81
      frames, which are 75,600 tokens; "share of 8" is the part of one of 8 GPUs (tokens / 8 in linear layers,
      heads / 8 in attention) without the exchange between them. FP8 names the recipe of the linear layers.
      Goals are those of the project for one H100 or H200; "extrapolated" means measured for fewer steps.
      """;

  private static final String REPEATING =
      """

      ## Measuring again

      `./wan4j bench NAME --json FILE` adds its results to a file (`./wan4j bench --help` lists the
      benchmarks; those of networks need a GPU, but no checkpoint); a file holds results of one commit, card and
      set of libraries. `benchmarks/table/rows.json` says which figures stand in the table above.
      `./wan4j bench report` then writes this page, the pages below `docs/benchmarks` and README's table.
      For a machine without Java or network, `src/test/scripts/gpu-pack` packs everything and `gpu-run` runs it.
      """;

  private final SequencedMap<String, BenchmarkFile> files;
  private final ComparisonTable table;

  private Pages(SequencedMap<String, BenchmarkFile> files, ComparisonTable table) {
    this.files = files;
    this.table = table;
  }

  /// Reads the measurements in a folder, in the order of their names; throws `InputException` when
  /// there is no such folder or a file is none of these.
  public static Pages read(Path folder) {
    SequencedMap<String, BenchmarkFile> files = new LinkedHashMap<>();
    for (Path file : files(folder)) {
      String name = file.getFileName().toString();
      files.put(name.substring(0, name.length() - ".json".length()), BenchmarkFile.read(file));
    }
    Path rows = folder.resolve(ROWS);
    List<ComparisonRow> read = Files.exists(rows) ? ComparisonRow.read(rows) : List.of();
    return new Pages(files, new ComparisonTable(read, files));
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "%s is not a folder; expected the folder with the files that wan4j bench wrote"
              .formatted(folder));
    }
    List<Path> found;
    try (Stream<Path> files = Files.list(folder)) {
      found = files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (found.isEmpty()) {
      throw new InputException(
          "%s holds no file of wan4j bench; expected .json files, of which a page can be made"
              .formatted(folder));
    }
    return found;
  }

  /// Writes the pages below a folder, and the table into its README.md where that has a place for
  /// it; throws `InputException` when one cannot be written.
  public void write(Path root) {
    all().forEach((path, text) -> PendingFile.write(root.resolve(path), text));
    Path readme = root.resolve("README.md");
    if (Files.exists(readme)) {
      try {
        String text = Files.readString(readme, StandardCharsets.UTF_8);
        String renewed = readme(text);
        if (!renewed.equals(text)) {
          PendingFile.write(readme, renewed);
        }
      } catch (IOException e) {
        throw PendingFile.failure(readme, e);
      }
    }
  }

  /// Returns the pages by their paths, all but README.md.
  Map<Path, String> all() {
    Map<Path, String> pages = new LinkedHashMap<>();
    pages.put(SUMMARY, summary());
    files.forEach(
        (name, file) -> pages.put(DETAILS.resolve(name + ".md"), DetailPage.of(name, file)));
    return pages;
  }

  /// Returns README.md with the present table in place of the one that it holds.
  String readme(String text) {
    int begin = text.indexOf(README_BEGIN);
    int end = text.indexOf(README_END);
    return begin < 0 || end < begin
        ? text
        : text.substring(0, begin + README_BEGIN.length()) + table.readme() + text.substring(end);
  }

  private String summary() {
    return INTRODUCTION
        + table.complete()
        + "\n## Details, with driver, library versions and the spread of runs\n"
        + details()
        + REPEATING;
  }

  private String details() {
    List<List<String>> rows = new ArrayList<>();
    files.forEach((name, file) -> {
      Environment environment = file.environment();
      String benchmarks =
          file.results().stream()
              .map(Measurement::benchmark)
              .distinct()
              .collect(Collectors.joining(", "));
      rows.add(
          List.of(
              "[%s]".formatted(name),
              benchmarks,
              environment.device(),
              environment.commit(),
              environment.date()));
    });
    StringBuilder text = new StringBuilder();
    text.append(
        MarkdownTable.of(List.of("page", "benchmarks", "device", "commit", "date"), 5, rows));
    text.append('\n');
    files.keySet().forEach(name -> text.append("[%s]: %s/%s.md\n".formatted(name, DETAILS, name)));
    return text.toString();
  }
}
