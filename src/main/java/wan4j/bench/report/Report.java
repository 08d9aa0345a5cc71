package wan4j.bench.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

/// Measurements as text: a table on the screen, and BENCHMARKS.md from the committed files.
public final class Report {
  private static final String HEAD =
      """
      # Benchmarks

      This page is written by `./wan4j bench report` from the files in `benchmarks/` and from nothing
      else. Every figure is the median of its runs, with the least and the largest beside it.
      `--share N` makes one GPU do exactly one rank's part of N: tokens / N through the linear layers,
      heads / N over all tokens in attention, without communication. `op:` lines are the time of one
      operation in all its calls. "self-attention alone" ran in turn with the block, and "time less
      self-attention" is the difference, run by run. A figure of which anything was computed rather
      than measured says "extrapolated". "layers" compares linear layers in each FP8 recipe with float32;
      the floor of a recipe is what its scalar code and an exact product make of the same numbers.
      "lora" puts LoRA files beside the weights of all experts in place of others ("files changed") and
      times a block without and with them.
      "verify" runs reference cases made with PyTorch (`./wan4j verify DIR --device D --json FILE`): the
      distances of all comparisons of a kind; below 1 of the tolerance a case passes. "peak memory" is
      all that was taken from the driver, "driver memory" by how much the free memory fell, the
      libraries' code included, "estimated memory" what a run on shapes alone foretold.
      "time" and `op:` lines are the GPU's own time: the host has asked for everything before the GPU
      comes to it, which is kept busy for as long by an untimed run of the same work and, where that is
      too short, by clearing memory. "host" is how long the host takes to ask for the work of one run,
      the GPU being idle; "host overhead" is by what part a run that begins on an idle GPU takes longer than one that was asked for beforehand.
      Loading and "files changed" wait for the GPU by themselves and are timed on the host, as a whole.
      "quality" compares videos of 20 prompts with those of the same
      noise without acceleration: `./wan4j bench quality`; "reference block" is PyTorch, run by
      `src/test/scripts/reference_block.py` in the same call as the blocks of `h100-block.json`.
      """;

  private Report() {}

  /// Returns BENCHMARKS.md for the files below a folder, in the order of their names; throws
  /// `InputException` when there is no such folder.
  public static String ofFolder(Path folder) {
    StringBuilder page = new StringBuilder(HEAD);
    Map<Path, BenchmarkFile> contents = new LinkedHashMap<>();
    files(folder).forEach(file -> contents.put(file.getFileName(), BenchmarkFile.read(file)));
    page.append(Summary.of(contents.values()));
    contents.forEach((file, content) -> {
      Environment environment = content.environment();
      page.append("\n## `").append(file).append("`: ").append(environment.device()).append('\n');
      page.append("\nCommit ").append(environment.commit()).append(", ").append(environment.date());
      page.append(", driver ").append(environment.driver());
      if (!environment.cuda().isEmpty() && !environment.driver().startsWith("serves")) {
        page.append(" (serves CUDA ").append(environment.cuda()).append(')');
      }
      environment
          .libraries()
          .forEach((name, version) -> page.append(", ").append(name).append(' ').append(version));
      page.append(".\n");
      List<Measurement> layers =
          content.results().stream().filter(r -> r.benchmark().equals("layers")).toList();
      if (!layers.isEmpty()) {
        page.append(LayerTable.of(layers));
      }
      groups(content.results().stream().filter(r -> !layers.contains(r)).toList())
          .forEach((title, group) -> {
            page.append("\n### ").append(title).append("\n\n");
            page.append("| metric | median | least | largest | unit | runs |\n");
            page.append("| --- | ---: | ---: | ---: | --- | ---: |\n");
            for (Measurement result : group) {
              page.append(
                  "| %s | %s | %s | %s | %s | %d |\n"
                      .formatted(
                          result.metric(),
                          number(result.median()),
                          number(result.min()),
                          number(result.max()),
                          result.unit(),
                          result.runs()));
            }
          });
    });
    return page.toString();
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "%s is no folder; expected the folder with the files that wan4j bench wrote"
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

  /// Returns a figure as the page shows it.
  static String number(double value) {
    double magnitude = Math.abs(value);
    if (magnitude > 0 && magnitude < 1e-3) {
      return String.format(Locale.ROOT, "%.1e", value);
    }
    int digits = magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3;
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
