package wan4j.verify;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// A folder with `case.json` and mostly `case.safetensors`: inputs `in.*`, intermediates `mid.*`
/// and results `out.*` that the reference computed.
public final class ReferenceCase implements AutoCloseable {
  private final Path folder;
  private final Path root;
  private final JsonNode json;
  private final Weights tensors; // null for a case without

  private ReferenceCase(Path folder, Path root, JsonNode json, Weights tensors) {
    this.folder = folder;
    this.root = root;
    this.json = json;
    this.tensors = tensors;
  }

  /// Opens a case; throws `InputException` when its files are damaged.
  public static ReferenceCase open(Path folder) {
    JsonNode json = json(folder.resolve("case.json"));
    Path data = folder.resolve("case.safetensors");
    return new ReferenceCase(
        folder, rootOf(folder), json, Files.exists(data) ? Weights.open(data) : null);
  }

  /// Reads a file of JSON; throws `InputException` when it is missing or damaged.
  static JsonNode json(Path file) {
    try {
      return JsonMapper.shared().readTree(file);
    } catch (JacksonException e) {
      throw new InputException(
          "%s is missing or not JSON (%s); expected the file of a reference case"
              .formatted(file, e.getOriginalMessage()),
          e);
    }
  }

  /// The nearest folder above that holds the checkpoints, else the case's own.
  private static Path rootOf(Path folder) {
    Path at = folder.toAbsolutePath().normalize();
    for (Path above = at; above != null; above = above.getParent()) {
      if (Files.isDirectory(above.resolve("ckpt"))) {
        return above;
      }
    }
    return at;
  }

  /// Returns the kind of the case.
  public String kind() {
    return json.path("kind").isString() ? json.get("kind").asString() : kindOf(folder);
  }

  /// Returns the family of a kind, which is that kind but for the many of speech and of animation.
  static String family(String kind) {
    return kind.replaceFirst("^(s2v|animate)-.*", "$1");
  }

  /// Returns the kind from a case's path: the folder of its kind, or the first word of its own
  /// folder.
  static String kindOf(Path folder) {
    Path at = folder.toAbsolutePath().normalize();
    Path root = rootOf(folder);
    boolean hasKind = at.startsWith(root) && root.relativize(at).getNameCount() > 1;
    String name = (hasKind ? at.getParent() : at).getFileName().toString();
    return family(name);
  }

  /// Returns the case's name in reports: its kind's folder and its own.
  static String nameOf(Path folder) {
    Path at = folder.toAbsolutePath().normalize();
    Path root = rootOf(folder);
    return root.equals(at) ? at.getFileName().toString() : root.relativize(at).toString();
  }

  /// Returns the folder of the case.
  public Path folder() {
    return folder;
  }

  /// Returns the content of `case.json`.
  public JsonNode json() {
    return json;
  }

  /// Returns a path that the case gives relative to the folder that holds the checkpoints.
  public Path path(String field) {
    if (!json.has(field)) {
      throw new InputException("%s has no field %s; expected a path".formatted(folder, field));
    }
    return root.resolve(json.get(field).asString(""));
  }

  /// Says whether there is a tensor of this name.
  public boolean has(String tensor) {
    return tensors != null && tensors.has(tensor);
  }

  /// Returns a tensor, loaded; throws `InputException` when it is missing.
  public Tensor tensor(String name) {
    if (tensors == null) {
      throw new InputException(
          "%s has no case.safetensors; expected one with %s".formatted(folder, name));
    }
    return tensors.tensor(name).load();
  }

  /// Returns a tensor of another case that lies beside this one; throws `InputException` when it is
  /// missing.
  Tensor tensorOf(String name, String tensor) {
    try (ReferenceCase other = open(folder.resolveSibling(name))) {
      return other.tensor(tensor);
    }
  }

  /// Returns the names of all tensors.
  public List<String> tensors() {
    return tensors == null ? List.of() : tensors.names();
  }

  /// Returns the tolerance of a part of the case, or of all of it when the case knows no parts.
  public double tolerance(String part) {
    JsonNode tolerance = json.path("tolerance_rel_l2");
    JsonNode value = tolerance.isObject() ? tolerance.path(part) : tolerance;
    return value.isNumber() ? value.asDouble() : 1e-5;
  }

  @Override
  public void close() {
    if (tensors != null) {
      tensors.close();
    }
  }
}
