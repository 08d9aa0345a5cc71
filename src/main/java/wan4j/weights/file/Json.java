package wan4j.weights.file;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;

/// Reads small JSON files that lie beside weights.
public final class Json {
  // the largest index in use lists a few thousand tensors in well under one megabyte
  private static final long LARGEST = 64 << 20;
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /// Returns an object without fields.
  public static JsonNode empty() {
    return MAPPER.createObjectNode();
  }

  /// Returns the object in a text, called by a title in messages; throws `InputException` when it
  /// is none.
  public static JsonNode parse(String text, String title) {
    try {
      JsonNode node = MAPPER.readTree(text);
      if (node.isObject()) {
        return node;
      }
    } catch (JacksonException e) {
      throw new InputException(
          "%s is not JSON (%s); download the file again".formatted(title, e.getOriginalMessage()),
          e);
    }
    throw new InputException(title + " is no JSON object; download the file again");
  }

  /// Returns the object in a file; throws `InputException` when it is missing, too long or not a
  /// JSON object.
  public static JsonNode read(Path path) {
    try {
      if (Files.size(path) > LARGEST) {
        throw new InputException(
            path + " is larger than 64 MB; expected a short JSON file: check the path");
      }
      String text = Files.readString(path, StandardCharsets.UTF_8);
      JsonNode node = MAPPER.readTree(text);
      if (!node.isObject()) {
        throw new InputException(path + " does not hold a JSON object; download it again");
      }
      return node;
    } catch (JacksonException e) {
      throw new InputException(
          "%s is not JSON (%s); download it again".formatted(path, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read (%s); expected a JSON file in UTF-8: download it again"
              .formatted(path, e.getClass().getSimpleName()),
          e);
    }
  }
}
