package wan4j.weights;

import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;

/// A network's config.json, read value by value; every value that cannot be a size, a number or a
/// word is refused with an `InputException`.
public final class ConfigFile {
  private static final int LARGEST = 1_000_000;

  private final Path path;
  private final JsonNode values;

  private ConfigFile(Path path, JsonNode values) {
    this.path = path;
    this.values = values;
  }

  /// Reads a file; throws `InputException` when it is missing or not a JSON object.
  public static ConfigFile read(Path path) {
    return new ConfigFile(path, Json.read(path));
  }

  /// Creates a config of values that another file holds, which messages name.
  public static ConfigFile of(Path path, JsonNode values) {
    return new ConfigFile(path, values);
  }

  /// Returns where the file lies.
  public Path path() {
    return path;
  }

  /// Says whether a value is given and not null.
  public boolean has(String name) {
    return values.hasNonNull(name);
  }

  /// Returns a whole number of 1 to 1,000,000; throws when it is missing.
  public int integer(String name) {
    return integer(name, values.path(name));
  }

  /// Returns a whole number of 1 to 1,000,000, or the fallback when it is missing.
  public int integer(String name, int fallback) {
    return has(name) ? integer(name) : fallback;
  }

  /// Returns whole numbers of 0 to 1,000,000, such as indices; throws when they are missing.
  public int[] integers(String name) {
    JsonNode list = values.path(name);
    if (!list.isArray()) {
      throw wrong(name, list, "a list of whole numbers");
    }
    int[] numbers = new int[list.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] =
          list.get(i).isIntegralNumber() && list.get(i).asInt(-1) == 0
              ? 0
              : integer(name, list.get(i));
    }
    return numbers;
  }

  /// Returns a positive finite number, or the fallback when it is missing.
  public double decimal(String name, double fallback) {
    if (!has(name)) {
      return fallback;
    }
    JsonNode node = values.path(name);
    double value = Json.number(node);
    if (!(value > 0)) {
      throw wrong(name, node, "a positive number");
    }
    return value;
  }

  /// Returns true or false, or the fallback when it is missing.
  public boolean flag(String name, boolean fallback) {
    if (!has(name)) {
      return fallback;
    }
    JsonNode node = values.path(name);
    if (!node.isBoolean()) {
      throw wrong(name, node, "true or false");
    }
    return node.booleanValue();
  }

  /// Returns a word, or the fallback when it is missing.
  public String text(String name, String fallback) {
    if (!has(name)) {
      return fallback;
    }
    JsonNode node = values.path(name);
    if (!node.isString()) {
      throw wrong(name, node, "a word");
    }
    return node.stringValue();
  }

  private int integer(String name, JsonNode node) {
    boolean isWhole = node.isIntegralNumber() && node.canConvertToInt();
    int value = isWhole ? node.intValue() : 0;
    if (value < 1 || value > LARGEST) {
      throw wrong(name, node, "a whole number of 1 to " + LARGEST);
    }
    return value;
  }

  private InputException wrong(String name, JsonNode got, String expected) {
    String what =
        got.isMissingNode()
            ? "has no " + name
            : "gives " + name + " as " + Quoted.of(got.toString());
    return new InputException(
        "%s %s; expected %s: download the file again".formatted(path, what, expected));
  }
}
