package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

final class PendingFileTest {
  @TempDir Path folder;

  @Test
  void aTextTakesThePlaceOfAnotherAndItsFoldersAreMade() throws Exception {
    Path target = folder.resolve("a/b/text");
    PendingFile.write(target, "one");
    PendingFile.write(target, "zwölf");
    assertThat(target).content(StandardCharsets.UTF_8).isEqualTo("zwölf");
    assertThat(target.getParent().toFile().list()).containsExactly("text");
    assertThat(Files.getPosixFilePermissions(target))
        .as("others may read it as they may other files")
        .isEqualTo(Files.getPosixFilePermissions(Files.createFile(folder.resolve("other"))));
  }

  @Test
  void whatCannotBeWrittenIsToldInOneSentenceAndLeavesNothing() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "kept");
    Path taken = Files.createDirectory(folder.resolve("taken"));
    refuses(file.resolve("text"), file + " is no folder");
    refuses(file.resolve("deeper/text"), "Not a directory");
    refuses(taken, "Is a directory");
    refuses(Path.of("/"), "it is a folder");
    assertThat(folder.toFile().list()).containsExactlyInAnyOrder("file", "taken");
    assertThat(file).hasContent("kept");
  }

  private static void refuses(Path target, String reason) {
    assertThatThrownBy(() -> PendingFile.write(target, "text"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "%s cannot be written (%s); free some space or choose another folder",
            target.toAbsolutePath(), reason);
  }

  @Test
  void whatIsClosedBeforeItIsWholeLeavesTheOldFile() throws Exception {
    Path target = Files.writeString(folder.resolve("text"), "old");
    try (PendingFile pending = PendingFile.file(target)) {
      Files.writeString(pending.path(), "half");
      assertThat(pending.path()).hasParent(folder).isNotEqualTo(target);
    }
    assertThat(target).hasContent("old");
    assertThat(folder.toFile().list()).containsExactly("text");
  }

  /// Processes on several machines may share a folder.
  @Test
  void twoThatWriteTheSameTargetDoNotMeet() {
    Path target = folder.resolve("text");
    try (PendingFile one = PendingFile.file(target);
        PendingFile other = PendingFile.file(target)) {
      assertThat(one.path()).isNotEqualTo(other.path());
    }
  }

  @Test
  void whatAnEndedProgramDidNotFinishIsRemoved() throws Exception {
    OwnProcess ended = OwnProcess.run(EndedProcess.class, Map.of(), folder.toString());
    assertThat(ended.code()).as(ended.said()).isZero();
    assertThat(ended.said()).as("files when it ended").isEqualToIgnoringNewLines("3");
    assertThat(folder.toFile().list()).containsExactly("whole");
  }

  @Test
  void aFolderThatAFlagNamesIsNothingYetOrEmpty() throws Exception {
    Path made = Files.createDirectory(folder.resolve("made"));
    assertThatCode(() -> PendingFile.requireNewFolder("--out", made)).doesNotThrowAnyException();
    assertThatCode(() -> PendingFile.requireNewFolder("--out", made.resolve("a/b")))
        .doesNotThrowAnyException();
    Path file = Files.createFile(made.resolve("file"));
    assertThatThrownBy(() -> PendingFile.requireNewFolder("--out", made))
        .isInstanceOf(InputException.class)
        .hasMessage("--out got %s, which is not empty; give a new folder", made);
    assertThatThrownBy(() -> PendingFile.requireNewFolder("--out", file))
        .isInstanceOf(InputException.class)
        .hasMessage("--out got %s, which is a file; give a folder", file);
  }
}
