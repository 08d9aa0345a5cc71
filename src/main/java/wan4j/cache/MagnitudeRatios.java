package wan4j.cache;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import wan4j.files.InputFile;
import wan4j.files.Json;
import wan4j.files.PendingFile;
import wan4j.files.Quoted;
import wan4j.ops.RowStatistics;
import wan4j.tensor.InputException;

/// The ratio of the blocks' residual at one step to that at the step before, averaged over tokens:
/// one figure for each branch of each step from the second on, conditional and unconditional in
/// turn.
public final class MagnitudeRatios {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final String PUBLISHED = "magnitude-ratios.json";

  private final double[] ratios;

  /// Creates ratios from a copy of the figures; throws `IllegalArgumentException` unless their
  /// count is even and each is a finite number above 0.
  MagnitudeRatios(double... ratios) {
    if (ratios.length == 0 || ratios.length % 2 != 0) {
      throw new IllegalArgumentException(
          "got %d ratios; two are needed for each step but the first".formatted(ratios.length));
    }
    for (double ratio : ratios) {
      if (!(ratio > 0 && ratio < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("got the ratio " + ratio + "; ratios are above 0");
      }
    }
    this.ratios = ratios.clone();
  }

  /// Returns the published ratios of a task: `t2v`, `i2v`, `ti2v-text` or `ti2v-image`; throws
  /// `InputException` for others.
  public static MagnitudeRatios published(String task) {
    try (InputStream stream = MagnitudeRatios.class.getResourceAsStream(PUBLISHED)) {
      JsonNode table = MAPPER.readTree(stream).path("tables").path(task);
      if (!table.isArray()) {
        throw new InputException(
            "no magnitude ratios are published for %s; measure them with --magcache_calibration"
                .formatted(task));
      }
      return of(table);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads ratios that a calibration wrote; throws `InputException` when the file holds none.
  public static MagnitudeRatios read(Path file) {
    InputFile.require(file, "magnitude ratios");
    try {
      JsonNode table = Json.read(file).path("ratios");
      if (!table.isArray()) {
        throw new IllegalArgumentException("it has no list \"ratios\"");
      }
      return of(table);
    } catch (InputException | IllegalArgumentException e) {
      String reason = e instanceof InputException ? "it is not a JSON object" : e.getMessage();
      throw new InputException(
          "cannot use %s as magnitude ratios (%s); write such a file with --magcache_calibration"
              .formatted(file, reason),
          e);
    }
  }

  /// Writes measured ratios, with the spread over tokens and the cosine distances, which show how
  /// reliable they are, to a file that appears whole; throws `InputException` when it cannot be
  /// written.
  static void write(Path file, String model, List<RowStatistics> measured) {
    ObjectNode root = MAPPER.createObjectNode();
    root.put("model", model);
    root.put("steps", measured.size() / 2 + 1);
    ArrayNode ratios = root.putArray("ratios");
    ArrayNode deviations = root.putArray("deviations");
    ArrayNode distances = root.putArray("cosine_distances");
    for (RowStatistics statistics : measured) {
      ratios.add(rounded(statistics.meanRatio()));
      deviations.add(rounded(statistics.ratioDeviation()));
      distances.add(rounded(statistics.cosineDistance()));
    }
    PendingFile.write(file, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root));
  }

  /// Returns the ratios of every forward of a run of `steps` steps, 1 at the first step; a table
  /// for another number of steps is sampled at the nearest steps.
  public double[] forSteps(int steps) {
    int known = ratios.length / 2 + 1;
    double stride = steps == 1 ? 0 : (known - 1) / (double) (steps - 1);
    double[] sampled = new double[2 * steps];
    for (int i = 0; i < steps; i++) {
      // ties go to the even step; a single step takes the last one's
      int nearest = steps == 1 ? known - 1 : (int) Math.rint(i * stride);
      for (int branch = 0; branch < 2; branch++) {
        sampled[2 * i + branch] = nearest == 0 ? 1 : ratios[2 * (nearest - 1) + branch];
      }
    }
    return sampled;
  }

  private static MagnitudeRatios of(JsonNode table) {
    List<Double> values = new ArrayList<>();
    for (JsonNode value : table) {
      if (Double.isNaN(Json.number(value))) {
        throw new IllegalArgumentException(
            "it has %s where a finite number belongs".formatted(Quoted.of(value.toString())));
      }
      values.add(Json.number(value));
    }
    return new MagnitudeRatios(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private static double rounded(double value) {
    return Math.rint(value * 1e5) / 1e5;
  }
}
