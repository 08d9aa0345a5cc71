package wan4j.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import wan4j.files.PendingFile;
import wan4j.files.UserCache;
import wan4j.tensor.InputException;

/// Work for which another algorithm than a library's first was measured to be faster, on one kind
/// of device with one version of the library. A file holds a list of such tables.
///
/// @param device the GPU's name, such as "NVIDIA H200"
/// @param library the library's name, `cuBLASLt` or `cuDNN`
/// @param version the library's version, such as 130100
/// @param choices one for each product or convolution
public record AlgorithmTable(String device, String library, int version, List<Choice> choices) {
  /// The library of matrix products.
  public static final String PRODUCTS = "cuBLASLt";

  /// The library of convolutions.
  public static final String CONVOLUTIONS = "cuDNN";

  private static final String OF_JAR = "algorithms.json";
  private static final Pattern CODE = Pattern.compile("[0-9a-f]{128}|[0-9]{1,4}:[0-9]{1,3}");
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /// One product's or convolution's algorithm.
  ///
  /// @param work what is computed, as `MatmulDescription` and `CudnnConvolution.Shape` say it
  /// @param algorithm the 64 bytes of cuBLASLt's algorithm in hexadecimal, or the number of cuDNN's
  ///   engine and the place of its configuration
  /// @param milliseconds its median time when it was measured
  /// @param firstMilliseconds the median time of the library's first algorithm, measured in
  ///   alternation
  public record Choice(
      String work, String algorithm, double milliseconds, double firstMilliseconds) {
    /// Throws `InputException` for what is not an algorithm.
    public Choice {
      if (!CODE.matcher(algorithm).matches()) {
        throw new InputException(
            "an algorithm is 128 hexadecimal digits or two numbers, got \"%s\"; run ./wan4j tune again"
                .formatted(algorithm));
      }
    }
  }

  /// Copies the choices.
  public AlgorithmTable {
    choices = List.copyOf(choices);
  }

  /// Returns the file in which `./wan4j tune` keeps what it measured on this machine.
  public static Path userFile() {
    return UserCache.folder().resolve(OF_JAR);
  }

  /// Returns the tables that come with wan4j.
  static List<AlgorithmTable> ofJar() {
    try (InputStream stream = AlgorithmTable.class.getResourceAsStream(OF_JAR)) {
      return read(OF_JAR, new String(stream.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Returns the tables of a file, none where there is no file; throws `InputException` for a file
  /// of another kind.
  static List<AlgorithmTable> ofFile(Path file) {
    try {
      return Files.exists(file)
          ? read(file.toString(), Files.readString(file, StandardCharsets.UTF_8))
          : List.of();
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read (%s); delete it or run ./wan4j tune again"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private static List<AlgorithmTable> read(String name, String text) {
    try {
      List<AlgorithmTable> tables = new ArrayList<>();
      for (JsonNode table : MAPPER.readTree(text)) {
        List<Choice> choices = new ArrayList<>();
        for (JsonNode choice : table.required("choices")) {
          choices.add(
              new Choice(
                  choice.required("work").asString(),
                  choice.required("algorithm").asString(),
                  choice.required("milliseconds").asDouble(),
                  choice.required("firstMilliseconds").asDouble()));
        }
        tables.add(
            new AlgorithmTable(
                table.required("device").asString(),
                table.required("library").asString(),
                table.required("version").asInt(),
                choices));
      }
      return tables;
    } catch (JacksonException e) {
      throw new InputException(
          "%s holds no algorithms (%s); delete it or run ./wan4j tune again"
              .formatted(name, e.getOriginalMessage()),
          e);
    }
  }

  /// Writes this table to a file, in place of an earlier one of the same device and library and
  /// beside those of others; the file appears whole. Throws `InputException` when it cannot be
  /// written.
  public void addTo(Path file) {
    List<AlgorithmTable> tables = new ArrayList<>(ofFile(file));
    tables.removeIf(table -> table.serves(device, library, version));
    tables.add(this);
    ArrayNode root = MAPPER.createArrayNode();
    tables.forEach(table -> table.addTo(root.addObject()));
    PendingFile.write(file, MAPPER.writeValueAsString(root) + "\n");
  }

  private void addTo(ObjectNode node) {
    node.put("device", device);
    node.put("library", library);
    node.put("version", version);
    ArrayNode list = node.putArray("choices");
    for (Choice choice : choices) {
      ObjectNode work = list.addObject();
      work.put("work", choice.work);
      work.put("algorithm", choice.algorithm);
      work.put("milliseconds", choice.milliseconds);
      work.put("firstMilliseconds", choice.firstMilliseconds);
    }
  }

  /// Says whether the table was measured on such a device with this version of the library.
  boolean serves(String name, String ofLibrary, int itsVersion) {
    return device.equals(name) && library.equals(ofLibrary) && version == itsVersion;
  }
}
