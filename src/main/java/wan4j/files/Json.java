package wan4j.files;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;

/// Reads JSON out of files, which may hold anything: their size is bounded here, the depth of their
/// nesting and the length of their numbers by the parser, and numbers are taken from nodes without
/// an exception.
public final class Json {
  /// What the library advises a program to switch on.
  private static final Pattern ADVICE = Pattern.compile(": enable `\\w+\\.\\w+` to allow");

  /// The largest file, several times umT5's tokenizer, which is the longest that there is.
  private static final int LARGEST = 128 << 20;

  // beyond it a number is 0 or infinite in any case, and the parser would still build it
  private static final int LARGEST_EXPONENT = 10_000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  // numbers of tokenizers are kept as they are written
  private static final JsonMapper EXACT =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  private Json() {}

  /// Returns an object without fields.
  public static JsonNode empty() {
    return MAPPER.createObjectNode();
  }

  /// Returns the object in a text, called by a title in messages; throws `InputException` when it
  /// is none.
  public static JsonNode parse(String text, String title) {
    return object(MAPPER, text, title);
  }

  /// Returns the object in a file; throws `InputException` when it is missing, too long or not a
  /// JSON object.
  public static JsonNode read(Path path) {
    return object(MAPPER, text(path), path.toString());
  }

  /// Does so with decimal numbers as they are written (`BigDecimal`) and names that may come twice.
  public static JsonNode readExact(Path path) {
    return object(EXACT, text(path), path.toString());
  }

  private static JsonNode object(JsonMapper mapper, String text, String title) {
    try {
      JsonNode node = mapper.readTree(text);
      if (node != null && node.isObject()) {
        return node;
      }
    } catch (JacksonException | ArithmeticException | NumberFormatException e) {
      throw new InputException(
          "%s is not JSON that can be read (%s); download it again".formatted(title, reason(e)), e);
    }
    throw new InputException(title + " does not hold a JSON object; download it again");
  }

  /// Returns what a parser says of a text, short enough for a message.
  public static String reason(RuntimeException problem) {
    String said =
        problem instanceof JacksonException json
            ? json.getOriginalMessage()
            : "a number is out of range";
    return said == null ? "no reason is known" : Quoted.plain(ADVICE.matcher(said).replaceAll(""));
  }

  private static String text(Path path) {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        throw new InputException(
            path + " is larger than 128 MB; expected a short JSON file: check the path");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes)).toString();
    } catch (IOException e) {
      String what =
          e instanceof java.nio.file.NoSuchFileException ? "it is missing" : e.getMessage();
      throw new InputException(
          "%s cannot be read (%s); expected a JSON file in UTF-8: download it again"
              .formatted(path, Quoted.plain(String.valueOf(what))),
          e);
    }
  }

  /// Returns a node's number, or NaN when it is none or no finite float64.
  public static double number(JsonNode node) {
    double value = node.isNumber() ? node.asDouble(Double.NaN) : Double.NaN;
    return Double.isFinite(value) ? value : Double.NaN;
  }

  /// Returns a node's whole number of `least` to `most`, or `otherwise` when it is none.
  public static int integer(JsonNode node, int least, int most, int otherwise) {
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      return otherwise;
    }
    int value = node.intValue();
    return value < least || value > most ? otherwise : value;
  }

  /// Returns a node's number as it is written, or null when it is none or its exponent or its
  /// digits are more than any float has.
  public static BigDecimal decimal(JsonNode node) {
    if (!node.isNumber()) {
      return null;
    }
    BigDecimal value =
        node.isIntegralNumber()
            ? new BigDecimal(node.isBigInteger() ? node.bigIntegerValue() : integer(node))
            : node.decimalValue();
    return Math.abs((long) value.scale()) > LARGEST_EXPONENT ? null : value;
  }

  private static BigInteger integer(JsonNode node) {
    return BigInteger.valueOf(node.longValue());
  }
}
