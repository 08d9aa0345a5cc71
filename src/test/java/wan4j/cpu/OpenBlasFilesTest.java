package wan4j.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.files.OwnProcess;

final class OpenBlasFilesTest {
  @TempDir Path folder;

  @Test
  void theLibrariesAppearWholeInTheUsersCache() throws Exception {
    Map<String, String> environment =
        Map.of("HOME", folder.toString(), "XDG_CACHE_HOME", "relative");
    OwnProcess first = OwnProcess.run(ExtractingProcess.class, environment);
    assertThat(first.code()).as(first.said()).isZero();
    List<Path> files = first.said().lines().map(Path::of).toList();
    assumeTrue(!files.isEmpty(), "there is no OpenBLAS for this machine");
    assertThat(files)
        .allSatisfy(file -> assertThat(file).startsWith(folder.resolve(".cache/wan4j")));
    try (var found = Files.walk(folder)) {
      assertThat(found.filter(Files::isRegularFile)).containsExactlyInAnyOrderElementsOf(files);
    }
    Path file = Files.createFile(folder.resolve("file"));
    OwnProcess fallen =
        OwnProcess.run(
            ExtractingProcess.class,
            Map.of("XDG_CACHE_HOME", file.toString(), "HOME", folder.toString()));
    assertThat(fallen.code()).as(fallen.said()).isZero();
    assertThat(fallen.said().lines().filter(line -> line.contains("set XDG_CACHE_HOME")))
        .as("one line on a cache that takes nothing")
        .hasSize(1);
    assertThat(fallen.said()).doesNotContain("\tat ", "Exception");
    List<Path> temporary =
        fallen.said().lines().filter(line -> line.startsWith("/")).map(Path::of).toList();
    assertThat(temporary).hasSameSizeAs(files).noneMatch(Files::exists);
    Files.writeString(files.getLast(), "cut");
    OwnProcess second = OwnProcess.run(ExtractingProcess.class, environment);
    assertThat(second).isEqualTo(first);
    assertThat(Files.size(files.getLast())).isGreaterThan(1 << 20);
  }
}
