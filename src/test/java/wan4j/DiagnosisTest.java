package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class DiagnosisTest {
  @Test
  void theCureInABundleNamesTheVersionThatTheBuildHas() throws Exception {
    String pom = Files.readString(Path.of("pom.xml"));
    assertThat(pom).contains("<openblas.version>" + Diagnosis.OPENBLAS + "</openblas.version>");
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
}
