package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    refuses(file.resolve("text"), file + " is not a folder");
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
            "%s cannot be written (%s); choose another name or folder",
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

  /// Left by a process that has ended here, by one that runs, by another machine and by ourselves.
  @Test
  void whatAKilledProcessLeftGoesWhenTheSameTargetIsWritten() throws Exception {
    Owner self = Owner.SELF;
    Owner ended = new Owner(self.machine(), self.process(), self.start() + 1);
    Owner elsewhere = new Owner("00000000", 1, 1);
    Path target = folder.resolve("a.mp4");
    Path dead = Files.createDirectory(part("a.mp4", ended));
    Files.createFile(dead.resolve("frame"));
    Path foreign = Files.createFile(part("a.mp4", elsewhere));
    Path other = Files.createFile(part("b.mp4", ended));
    Path old = Files.createFile(folder.resolve(".a.mp4.1234abcd.part"));
    Path alike = Files.createFile(folder.resolve(".a.mp4.my.part"));
    try (PendingFile mine = PendingFile.file(target);
        PendingFile second = PendingFile.file(target)) {
      Files.createFile(mine.path());
      assertThat(PendingFile.file(target).path()).isNotEqualTo(second.path());
      assertThat(mine.path()).exists();
      assertThat(dead).doesNotExist();
      assertThat(PendingFile.strangers(target)).containsExactlyInAnyOrder(foreign, old);
    }
    assertThat(List.of(foreign, other, old, alike)).allMatch(Files::exists);
  }

  private Path part(String target, Owner owner) {
    return folder.resolve(".%s.%s-00000000000000ff.part".formatted(target, owner.mark()));
  }

  @Test
  void theOwnerOfANameIsReadBackAndARunningOneHasNotEnded() throws Exception {
    assertThat(Owner.of(Owner.SELF.mark())).isEqualTo(Owner.SELF);
    assertThat(Owner.SELF.hasEnded()).isFalse();
    for (String mark : List.of("", "1234abcd", "1234abcd-1", "1234abcd-1-ffffffffffffffffff")) {
      assertThat(Owner.of(mark)).as(mark).isNull();
    }
    Process process = new ProcessBuilder("sleep", "60").start();
    Owner other =
        new Owner(
            Owner.SELF.machine(),
            process.pid(),
            process.info().startInstant().orElseThrow().toEpochMilli());
    assertThat(other.hasEnded()).isFalse();
    process.destroyForcibly().waitFor();
    assertThat(other.hasEnded()).isTrue();
  }

  @Test
  void roomAndShortNamesAreAskedForBeforeTheWork() {
    assertThatThrownBy(
            () -> PendingFile.requireSpace(folder.resolve("a/b.mp4"), Long.MAX_VALUE / 2))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a/b.mp4 needs about 4,611,686,018,428 MB and its disk has");
    assertThatCode(() -> PendingFile.requireSpace(folder.resolve("a"), 1))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> PendingFile.requireWritable(folder.resolve("ä".repeat(100))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has 200 bytes; expected at most 199");
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
