package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

final class InputFileTest {
  @TempDir Path folder;

  @Test
  void whatIsNoFileIsRefusedByWhatItIs() throws IOException {
    refuses(Path.of(""), "the name of a picture is empty");
    refuses(folder, folder + " is a folder, expected a picture");
    refuses(folder.resolve("none"), "does not exist");
    refuses(Path.of("/dev/null"), "/dev/null is a pipe or a device");
    Path file = Files.writeString(folder.resolve("a"), "a");
    assertThatCode(() -> InputFile.require(file, "a picture")).doesNotThrowAnyException();
  }

  @Test
  void failuresAreToldWithoutNamesOfExceptions() {
    InputException told = InputFile.failure(Path.of("a.png"), new AccessDeniedException("a.png"));
    assertThat(told)
        .hasMessage("a.png cannot be read (no permission); check the file and its permissions");
  }

  private static void refuses(Path file, String words) {
    assertThatThrownBy(() -> InputFile.require(file, "a picture"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }
}
