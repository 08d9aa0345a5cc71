package wan4j.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the tables of prompts and finds the reference cases.
final class ReferencePrompts {
  private static final Pattern ESCAPE = Pattern.compile("\\\\u([0-9a-f]{4})");

  private ReferencePrompts() {}

  /// The rows of a table, each cut at its tabs, escapes undone.
  static List<String[]> table(String name) {
    try (InputStream stream = ReferencePrompts.class.getResourceAsStream(name)) {
      String text = new String(stream.readAllBytes(), StandardCharsets.US_ASCII);
      return text.lines().filter(line -> !line.startsWith("#")).map(ReferencePrompts::row).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String[] row(String line) {
    String[] cells = line.split("\t", -1);
    for (int i = 0; i < cells.length; i++) {
      cells[i] =
          ESCAPE
              .matcher(cells[i])
              .replaceAll(match -> {
                int unit = Integer.parseInt(match.group(1), 16);
                return Matcher.quoteReplacement(String.valueOf((char) unit));
              });
    }
    return cells;
  }

  /// A folder or file of the reference cases.
  static Path golden(String path) {
    return Path.of("src", "test", "resources", "golden").resolve(path);
  }
}
