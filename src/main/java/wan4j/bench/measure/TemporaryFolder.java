package wan4j.bench.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// A temporary folder for a benchmark's files, deleted with its content on close.
public record TemporaryFolder(Path path) implements AutoCloseable {
  private static final String PREFIX = "wan4j-bench";

  /// Creates one in the folder that `--folder` names; throws `InputException` when that is not
  /// possible.
  public static TemporaryFolder in(Path folder) {
    try {
      return new TemporaryFolder(Files.createTempDirectory(folder, PREFIX));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written (%s); give a folder with room by --folder"
              .formatted(folder, e.getMessage()),
          e);
    }
  }

  /// Creates one in Java's temporary folder; throws `InputException` when that is not possible.
  public static TemporaryFolder ofJava() {
    try {
      return new TemporaryFolder(Files.createTempDirectory(PREFIX));
    } catch (IOException e) {
      throw new InputException(
          "no temporary folder can be made (%s); give Java one by -Djava.io.tmpdir"
              .formatted(e.getMessage()),
          e);
    }
  }

  /// Creates a folder in it.
  public Path folder(String name) {
    try {
      return Files.createDirectory(path.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Returns the bytes of all files in it.
  public long bytes() {
    try (Stream<Path> all = Files.walk(path)) {
      long bytes = 0;
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      PendingFile.remove(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
