package wan4j.cli;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import wan4j.tensor.InputException;

/// Files that flags name.
final class InputFiles {
  private InputFiles() {}

  /// Throws `InputException` unless a flag names an ordinary file that can be read; `wanted` says
  /// what to give.
  static void requireFile(String flag, Path file, String wanted) {
    String problem =
        Files.isDirectory(file)
            ? "which is a folder"
            : Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.exists(file)
                ? "which is a link to nothing"
                : !Files.exists(file)
                    ? "which is not there"
                    : !Files.isRegularFile(file)
                        ? "which is a device or a pipe"
                        : !Files.isReadable(file) ? "which may not be read" : null;
    if (problem != null) {
      throw new InputException("%s got %s, %s; give %s".formatted(flag, file, problem, wanted));
    }
  }
}
