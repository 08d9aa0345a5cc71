package wan4j.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

class TemporaryFolderTest {
  @TempDir Path folder;

  @Test
  void itGoesWithAllThatIsInIt() throws IOException {
    try (TemporaryFolder place = TemporaryFolder.in(folder)) {
      Files.write(place.folder("expert").resolve("a"), new byte[3]);
      Files.write(place.path().resolve("b"), new byte[4]);
      assertThat(place.bytes()).isEqualTo(7);
      assertThat(folder).isNotEmptyDirectory();
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aFolderThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> TemporaryFolder.in(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("which is not a folder; give one with room");
  }
}
