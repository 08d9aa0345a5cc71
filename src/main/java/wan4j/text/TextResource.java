package wan4j.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// The tables that ship beside these classes.
final class TextResource {
  private TextResource() {}

  /// The lines of a table of this package, without blank lines and comments.
  static List<String> lines(String name) {
    try (InputStream stream = TextResource.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalStateException("the resource wan4j/text/" + name + " is missing");
      }
      String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return text.lines().filter(line -> !line.isEmpty() && !line.startsWith("#")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
