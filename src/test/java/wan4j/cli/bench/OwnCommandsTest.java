package wan4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

/// Commands that are started as this process was.
final class OwnCommandsTest {
  @TempDir Path folder;

  @Test
  void theWordsBeforeTheCommandAreTakenOver() {
    assertThat(
            OwnCommands.of(
                    List.of(
                        "java",
                        "-Dwan4j.standard-error=8",
                        "-Xmx6g",
                        "--module",
                        "wan4j/wan4j.cli.Main",
                        "bench",
                        "lora"))
                .start())
        .containsExactly("java", "-Xmx6g", "--module", "wan4j/wan4j.cli.Main");
    assertThatThrownBy(() -> OwnCommands.of(List.of("java", "other.Main")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("run it on Linux by ./wan4j");
  }

  @Test
  void theLauncherThatStartedThisIsStartedAgain() {
    assertThat(
            OwnCommands.of(
                    List.of(
                        "java", "-Dwan4j.launcher=/place/wan4j", "wan4j/wan4j.cli.Main", "bench"))
                .start())
        .containsExactly("/place/wan4j");
  }

  @Test
  void eachLineIsGivenAsItComes() {
    List<String> lines = new ArrayList<>();
    shell("echo one; echo two >&2").generate(List.of(), lines::add);
    assertThat(lines).containsExactly("one", "two");
  }

  @Test
  void aCommandRunsToItsEnd() throws Exception {
    Path file = folder.resolve("said");
    shell("echo \"$@\" >" + file).generate(List.of("--steps", "2"));
    assertThat(Files.readString(file)).isEqualTo("generate --steps 2\n");
  }

  @Test
  void theLastLineOfACommandThatFailsIsTold() {
    assertThatThrownBy(() -> shell("echo one; echo two >&2; exit 3").generate(List.of()))
        .isInstanceOf(InputException.class)
        .hasMessage("generate ended with exit code 3 and said: two");
  }

  private static OwnCommands shell(String script) {
    return OwnCommands.of(List.of("/bin/sh", "-c", script, "wan4j.cli.Main", "bench"));
  }
}
