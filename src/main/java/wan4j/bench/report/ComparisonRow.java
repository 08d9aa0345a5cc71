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
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

/// One row of the table of comparisons: which figures it sets side by side.
///
/// @param what was measured, for a reader
/// @param ours wan4j's figure
/// @param peerName what the other figure is of; empty where nothing else was measured in the same
///   run
/// @param peer the other figure, or null
/// @param goal what the project aims for, or null
/// @param isInReadme whether README.md shows the row too
record ComparisonRow(
    String what, Source ours, String peerName, Source peer, Goal goal, boolean isInReadme) {
  /// Where one figure stands: a file without its extension, a benchmark, those parameters that tell
  /// it from others, and a metric.
  record Source(String file, String benchmark, Map<String, String> parameters, String metric) {
    /// Returns the figure; throws `InputException` unless exactly one result matches.
    Measurement find(Map<String, BenchmarkFile> files) {
      List<Measurement> found = new ArrayList<>();
      if (files.containsKey(file)) {
        files.get(file).results().stream().filter(this::matches).forEach(found::add);
      }
      if (found.size() != 1) {
        throw new InputException(
            "a row of the table of comparisons (%s) matches %d results; expected exactly one: name its parameters"
                .formatted(this, found.size()));
      }
      return found.getFirst();
    }

    private boolean matches(Measurement result) {
      return result.benchmark().equals(benchmark)
          && result.metric().equals(metric)
          && parameters.entrySet().stream()
              .allMatch(p ->
                  p.getValue()
                      .equals(String.valueOf(result.parameters().getOrDefault(p.getKey(), ""))));
    }
  }

  /// What the project aims for: a bound on our figure in its own unit, or on the ratio to the peer.
  ///
  /// @param kind `at most` or `at least` for the figure, `ratio` for at least so many times the
  ///   peer's speed
  record Goal(String kind, double value) {}

  /// Reads the rows from a file; throws `InputException` when it holds something else.
  static List<ComparisonRow> read(Path file) {
    try {
      JsonNode root = JsonMapper.shared().readTree(Files.readString(file, StandardCharsets.UTF_8));
      List<ComparisonRow> rows = new ArrayList<>();
      for (JsonNode node : root.required("rows")) {
        JsonNode peer = node.path("peer");
        rows.add(
            new ComparisonRow(
                node.required("what").asString(),
                source(node.required("ours")),
                peer.path("name").asString(""),
                peer.isMissingNode() ? null : source(peer),
                goal(node.path("goal")),
                node.path("readme").asBoolean(false)));
      }
      return rows;
    } catch (JacksonException e) {
      throw new InputException(
          "%s does not list the rows of the table of comparisons (%s); see the committed one for its form"
              .formatted(file, e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Source source(JsonNode node) {
    Map<String, String> parameters = new LinkedHashMap<>();
    node.path("parameters")
        .properties()
        .forEach(entry -> parameters.put(entry.getKey(), entry.getValue().asString()));
    return new Source(
        node.required("file").asString(),
        node.required("benchmark").asString(),
        parameters,
        node.required("metric").asString());
  }

  private static Goal goal(JsonNode node) {
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      if (!List.of("at most", "at least", "ratio").contains(entry.getKey())) {
        throw new InputException(
            "a goal of the table of comparisons is %s; expected at most, at least or ratio"
                .formatted(entry.getKey()));
      }
      return new Goal(entry.getKey(), entry.getValue().asDouble());
    }
    return null;
  }
}
