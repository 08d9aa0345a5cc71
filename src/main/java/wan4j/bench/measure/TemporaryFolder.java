package wan4j.bench.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// A folder of its own for what a benchmark writes, deleted with everything in it when it is closed
/// or the program is ended; what a benchmark left that was killed goes when the next one begins.
public record TemporaryFolder(PendingFile pending) implements AutoCloseable {
  private static final String NAME = "wan4j-bench";

  /// Creates one in the folder that `--folder` names; throws `InputException` when that is not
  /// possible.
  public static TemporaryFolder in(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "--folder got %s, which is not a folder; give one with room".formatted(folder));
    }
    try {
      return new TemporaryFolder(PendingFile.folder(folder.resolve(NAME)));
    } catch (InputException e) {
      throw new InputException(
          "--folder got %s, which cannot be written (%s); give a folder with room"
              .formatted(folder, e.getCause() == null ? e.getMessage() : e.getCause().getMessage()),
          e);
    }
  }

  /// Creates one in Java's temporary folder; throws `InputException` when that is not possible.
  public static TemporaryFolder ofJava() {
    return in(Path.of(System.getProperty("java.io.tmpdir")));
  }

  /// Returns where it is.
  public Path path() {
    return pending.path();
  }

  /// Creates a folder in it.
  public Path folder(String name) {
    try {
      return Files.createDirectory(path().resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Returns the bytes of all files in it.
  public long bytes() {
    try (Stream<Path> all = Files.walk(path())) {
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
    pending.close();
  }
}
