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
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// Measurements of one environment as a JSON file: `{device, driver, cuda, libraries, commit, date,
/// results: [{benchmark, parameters, metric, unit, median, min, max, runs}]}`.
public record BenchmarkFile(Environment environment, List<Measurement> results) {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /// Copies the results.
  public BenchmarkFile {
    results = List.copyOf(results);
  }

  /// Reads a file; throws `InputException` when it is none of these.
  public static BenchmarkFile read(Path file) {
    try {
      JsonNode root = MAPPER.readTree(Files.readString(file, StandardCharsets.UTF_8));
      Map<String, String> libraries = new TreeMap<>();
      root.path("libraries")
          .properties()
          .forEach(entry -> libraries.put(entry.getKey(), entry.getValue().asString()));
      List<Measurement> results = new ArrayList<>();
      for (JsonNode node : root.required("results")) {
        results.add(measurement(node));
      }
      return new BenchmarkFile(
          new Environment(
              root.required("device").asString(),
              root.required("driver").asString(),
              root.path("cuda").asString(""), // files of before 2026-11-28 have none
              libraries,
              root.required("commit").asString(),
              root.required("date").asString()),
          results);
    } catch (JacksonException e) {
      throw new InputException(
          "%s holds no benchmark results (%s); expected a file that wan4j bench wrote"
              .formatted(file, e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Measurement measurement(JsonNode node) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : node.required("parameters").properties()) {
      JsonNode value = entry.getValue();
      parameters.put(
          entry.getKey(),
          value.isIntegralNumber()
              ? (Object) value.asInt()
              : value.isNumber() ? (Object) value.asDouble() : value.asString());
    }
    return new Measurement(
        node.required("benchmark").asString(),
        parameters,
        node.required("metric").asString(),
        node.required("unit").asString(),
        node.required("median").asDouble(),
        node.required("min").asDouble(),
        node.required("max").asDouble(),
        node.required("runs").asInt());
  }

  /// Throws `InputException` when no results of a commit could be added to a file, as far as that
  /// can be known before there are any.
  public static void requireAppendable(Path file, String commit) {
    if (Files.exists(file)) {
      PendingFile.requireWritable(file);
      Environment before = read(file).environment();
      if (!before.commit().equals(commit)) {
        throw other(file, before);
      }
    } else {
      PendingFile.requireWritableFolder(file.toAbsolutePath().getParent());
    }
  }

  /// Throws `InputException` when no results of an environment could be added to a file, as far as
  /// that can be known before there are any.
  public static void requireAppendable(Path file, Environment environment) {
    requireAppendable(file, environment.commit());
    if (Files.exists(file)) {
      readFor(file, environment);
    }
  }

  /// Adds results to a file of the same environment, or creates it; the file appears whole. It
  /// throws `InputException` when the file is one of another environment. A file keeps its first
  /// date, so that a run past midnight can continue it.
  public static void append(Path file, Environment environment, List<Measurement> added) {
    List<Measurement> all = new ArrayList<>();
    Environment kept = environment;
    if (Files.exists(file)) {
      BenchmarkFile before = readFor(file, environment);
      kept = before.environment();
      all.addAll(before.results());
    }
    all.addAll(added);
    new BenchmarkFile(kept, all).write(file);
  }

  private static BenchmarkFile readFor(Path file, Environment environment) {
    BenchmarkFile content = read(file);
    Environment before = content.environment();
    if (!before.equals(environment.on(before.date()))) {
      throw other(file, before);
    }
    return content;
  }

  private static InputException other(Path file, Environment before) {
    return new InputException(
        "%s holds results of %s at commit %s on %s; write those of another machine, library or commit to a file of their own"
            .formatted(file, before.device(), before.commit(), before.date()));
  }

  private static ObjectNode node(Measurement result) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("benchmark", result.benchmark());
    ObjectNode parameters = node.putObject("parameters");
    result
        .parameters()
        .forEach((name, value) -> {
          switch (value) {
            case Integer number -> parameters.put(name, number);
            case Double number -> parameters.put(name, number);
            default -> parameters.put(name, value.toString());
          }
        });
    node.put("metric", result.metric());
    node.put("unit", result.unit());
    node.put("median", result.median());
    node.put("min", result.min());
    node.put("max", result.max());
    node.put("runs", result.runs());
    return node;
  }

  private void write(Path file) {
    ObjectNode root = MAPPER.createObjectNode();
    root.put("device", environment.device());
    root.put("driver", environment.driver());
    root.put("cuda", environment.cuda());
    ObjectNode libraries = root.putObject("libraries");
    environment.libraries().forEach(libraries::put);
    root.put("commit", environment.commit());
    root.put("date", environment.date());
    ArrayNode list = root.putArray("results");
    results.forEach(result -> list.add(node(result)));
    PendingFile.write(file, MAPPER.writeValueAsString(root) + "\n");
  }
}
