package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Each row of docs/formats.md names a test that there is.
final class FormatsPageTest {
  private static final Pattern ROW =
      Pattern.compile("^\\| .+ \\| .+ \\| `(\\w+)#(\\w+)` \\|$", Pattern.MULTILINE);

  @Test
  void everyRowIsBackedByATest() throws Exception {
    String page = Files.readString(Path.of("docs/formats.md"));
    List<MatchResult> rows = ROW.matcher(page).results().toList();
    long lines = page.lines().filter(line -> line.startsWith("| ")).count();
    assertThat(rows).hasSize((int) lines - 2 * 3); // three heads of two lines
    for (MatchResult row : rows) {
      assertThat(Arrays.stream(Class.forName(name(row.group(1))).getDeclaredMethods()))
          .as(row.group())
          .anyMatch(method ->
              method.getName().equals(row.group(2)) && method.getAnnotations().length > 0);
    }
  }

  private static String name(String simple) throws IOException {
    try (var files = Files.walk(Path.of("src/test/java/wan4j"))) {
      Path file = files.filter(f -> f.endsWith(simple + ".java")).findFirst().orElseThrow();
      return Path.of("src/test/java")
          .relativize(file)
          .toString()
          .replace(".java", "")
          .replace('/', '.');
    }
  }
}
