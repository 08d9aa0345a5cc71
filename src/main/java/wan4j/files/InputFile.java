package wan4j.files;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import wan4j.tensor.InputException;

/// Checks of files that a user names to be read.
public final class InputFile {
  private InputFile() {}

  /// Throws `InputException` unless the path is an ordinary file that can be read; `kind` says what
  /// it should hold, such as "a picture".
  public static void require(Path file, String kind) {
    if (file.toString().isEmpty()) {
      throw new InputException("the name of %s is empty; name a file".formatted(kind));
    }
    if (Files.isDirectory(file)) {
      throw new InputException("%s is a folder, expected %s; name a file".formatted(file, kind));
    }
    if (!Files.exists(file)) {
      throw new InputException(
          "the file %s does not exist, expected %s; check the name".formatted(file, kind));
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "%s is a pipe or a device, expected %s; save it as an ordinary file first"
              .formatted(file, kind));
    }
    if (!Files.isReadable(file)) {
      throw new InputException(
          "%s cannot be read (no permission); change its permissions".formatted(file));
    }
  }

  /// Returns the sentence for a failure to read a file.
  public static InputException failure(Path file, IOException e) {
    String reason =
        switch (e) {
          case AccessDeniedException _ -> "no permission";
          case FileSystemException named when named.getReason() != null -> named.getReason();
          default -> e.getMessage();
        };
    return new InputException(
        "%s cannot be read (%s); check the file and its permissions".formatted(file, reason), e);
  }
}
