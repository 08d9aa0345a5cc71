package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class DiagnosisTest {
  @Test
  void theCureInABundleNamesTheVersionThatTheBuildHas() throws Exception {
    String pom = Files.readString(Path.of("pom.xml"));
    assertThat(pom).contains("<openblas.version>" + Diagnosis.OPENBLAS + "</openblas.version>");
  }

  @Test
  void onnxRuntimeIsFoundWithItsVersionAndPlace() throws Exception {
    String pom = Files.readString(Path.of("pom.xml"));
    Diagnosis.Line line =
        Diagnosis.ofThisMachine().lines().stream()
            .filter(each -> each.name().equals("ONNX Runtime"))
            .findFirst()
            .orElseThrow();
    assertThat(line.needed() && line.problem() != null).isFalse();
    assertThat(line.found()).contains("runs on processors");
    assertThat(pom)
        .contains("<onnxruntime.version>" + line.found().split(" ", -1)[0] + "</onnxruntime");
  }

  /// A bundle is refused when the list lacks one; the jars are those of the class path.
  @Test
  void theListOfComponentsHasEveryLibrary() throws Exception {
    List<String> listed =
        Files.readAllLines(Path.of("src/main/bundle/components.txt")).stream()
            .map(line -> line.split(" ", -1)[0])
            .toList();
    String pom = Files.readString(Path.of("pom.xml"));
    String needed = pom.substring(0, pom.indexOf("<groupId>org.junit.jupiter</groupId>"));
    assertThat(
            Stream.of(needed.split("<artifactId>", -1))
                .skip(1)
                .map(text -> text.substring(0, text.indexOf('<')))
                .filter(name -> !name.equals("*"))
                .collect(Collectors.toSet()))
        .isSubsetOf(listed);
  }

  /// What stands in the lists' words is in the bundle, and nothing is there that they do not name.
  @Test
  void everyLicenceThatTheListsNameIsThere() throws Exception {
    Path bundle = Path.of("src/main/bundle");
    String lists =
        Files.readString(bundle.resolve("components.txt"))
            + Files.readString(bundle.resolve("ffmpeg.md"))
            + Files.readString(Path.of("src/main/scripts/bundle"));
    Set<String> named =
        Pattern.compile("licenses/[\\w./-]+\\.txt")
            .matcher(lists)
            .results()
            .map(MatchResult::group)
            .collect(Collectors.toSet());
    try (Stream<Path> files = Files.walk(bundle.resolve("licenses"))) {
      assertThat(files.filter(Files::isRegularFile).map(bundle::relativize).map(Path::toString))
          .containsExactlyInAnyOrderElementsOf(named);
    }
  }
}
