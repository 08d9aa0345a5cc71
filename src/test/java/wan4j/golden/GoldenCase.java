package wan4j.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import wan4j.tensor.Tensor;
import wan4j.weights.file.TensorFile;

/// A reference case of the test resources: its case.json and the tensors of its case.safetensors.
public record GoldenCase(String name, JsonNode json, Map<String, Tensor> tensors) {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /// Reads the cases of a kind whose names start with a prefix, by name.
  public static List<GoldenCase> all(String kind, String prefix) {
    try (Stream<Path> folders = Files.list(root().resolve(kind))) {
      return folders
          .filter(folder -> folder.getFileName().toString().startsWith(prefix))
          .filter(Files::isDirectory)
          .sorted()
          .map(GoldenCase::read)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads one case.
  public static GoldenCase of(String kind, String name) {
    return read(root().resolve(kind).resolve(name));
  }

  /// Reads a JSON file below the cases.
  public static JsonNode json(String path) {
    return MAPPER.readTree(root().resolve(path).toFile());
  }

  /// Returns a tensor of the case.
  public Tensor tensor(String tensor) {
    Tensor found = tensors.get(tensor);
    if (found == null) {
      throw new IllegalArgumentException(name + " has no tensor " + tensor);
    }
    return found;
  }

  @Override
  public String toString() {
    return name;
  }

  private static Path root() {
    return Path.of(System.getProperty("basedir", ""), "src/test/resources/golden");
  }

  private static GoldenCase read(Path folder) {
    Map<String, Tensor> tensors = new HashMap<>();
    Path file = folder.resolve("case.safetensors");
    if (Files.exists(file)) {
      try (TensorFile read = TensorFile.open(file)) {
        read.tensors().forEach((tensor, source) -> tensors.put(tensor, source.load()));
      }
    }
    JsonNode json = MAPPER.readTree(folder.resolve("case.json").toFile());
    return new GoldenCase(folder.getFileName().toString(), json, tensors);
  }
}
