package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The documents at the root and in docs/: their length, their links, and where their figures are.
class DocumentsTest {
  private static final Path README = Path.of("README.md");

  /// A table that `bench report` wrote from measurements.
  private static final Pattern RENDERED =
      Pattern.compile("(?s)<!-- table by .*?<!-- end of the table -->");

  /// A number with the unit of a measurement; the memory of a card is a name, not a measurement.
  private static final Pattern FIGURE =
      Pattern.compile("\\d[\\d.,]*\\s?(?:ms|s|min|TFLOP/s|GB/s|GB|MB|dB|%)(?![\\w-])");

  private static final Pattern CARD = Pattern.compile("80\\s?GB (?:card|HBM3)|H100 80GB");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern CODE = Pattern.compile("(?m)^ {4}.*$");

  @Test
  void readmeIsOnePage() throws IOException {
    List<String> lines = Files.readAllLines(README);
    assertThat(lines).hasSizeLessThanOrEqualTo(150);
    assertThat(lines).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(120));
  }

  @Test
  void figuresStandOnlyInTablesRenderedFromMeasurements() throws IOException {
    for (Path page : pages()) {
      String text = RENDERED.matcher(Files.readString(page)).replaceAll("");
      List<String> figures =
          FIGURE.matcher(CARD.matcher(text).replaceAll("")).results().map(r -> r.group()).toList();
      assertThat(figures).as(page + " links to a rendered page instead").isEmpty();
    }
  }

  @Test
  void linksLeadToFilesAndHeadings() throws IOException {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      String text = CODE.matcher(Files.readString(page)).replaceAll("");
      for (String link : LINK.matcher(text).results().map(r -> r.group(1)).toList()) {
        if (!link.startsWith("http") && !exists(page, link)) {
          broken.add(page + ": " + link);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static boolean exists(Path page, String link) throws IOException {
    int hash = link.indexOf('#');
    String file = hash < 0 ? link : link.substring(0, hash);
    Path target = file.isEmpty() ? page : page.resolveSibling(file);
    if (hash < 0 || !Files.exists(target)) {
      return Files.exists(target);
    }
    String anchor = link.substring(hash + 1);
    return Files.readAllLines(target).stream()
        .filter(line -> line.startsWith("#"))
        .anyMatch(line -> anchor(line).equals(anchor));
  }

  /// Returns the anchor that a heading gets.
  private static String anchor(String heading) {
    return heading
        .replaceFirst("^#+ ", "")
        .toLowerCase(Locale.ROOT)
        .replaceAll("[^\\p{L}\\p{N} _-]", "")
        .replace(' ', '-');
  }

  /// The pages that people write; those of measurements are rendered.
  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(README));
    pages.addAll(List.of(Path.of("CONTRIBUTING.md"), Path.of("CHANGELOG.md")));
    try (Stream<Path> files = Files.list(Path.of("docs"))) {
      files
          .filter(file -> file.toString().endsWith(".md"))
          .filter(
              file -> !file.endsWith("attention.md")) // notes of predictions and what came of them
          .sorted()
          .forEach(pages::add);
    }
    return pages;
  }
}
