package wan4j.media;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// A file or folder that is written under a hidden name beside its target and takes the target's
/// name only when it is whole; closing it before that removes it.
public final class PendingFile implements AutoCloseable {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Path target;
  private final Path path;

  private PendingFile(Path target) {
    this.target = target;
    String name =
        ".%s.%d-%d.part"
            .formatted(
                target.getFileName(), ProcessHandle.current().pid(), COUNTER.incrementAndGet());
    this.path = target.resolveSibling(name);
  }

  /// Names a file beside its target; nothing is created yet.
  public static PendingFile file(Path target) {
    return new PendingFile(target.toAbsolutePath());
  }

  /// Creates a folder beside its target; throws `InputException` when that is not possible.
  public static PendingFile folder(Path target) {
    PendingFile pending = new PendingFile(target.toAbsolutePath());
    try {
      Files.createDirectory(pending.path);
    } catch (IOException e) {
      throw failure(target, e);
    }
    return pending;
  }

  /// Returns where to write.
  public Path path() {
    return path;
  }

  /// Flushes what was written to the disk and gives it the target's name, in place of what had it;
  /// throws `InputException` when that is not possible.
  public void commit() {
    try {
      if (Files.isRegularFile(path)) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
          channel.force(true);
        }
      }
      Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Removes what was written unless it has taken the target's name.
  @Override
  public void close() {
    try {
      if (!Files.exists(path)) {
        return;
      }
      List<Path> all;
      try (Stream<Path> walk = Files.walk(path)) {
        all = walk.sorted(Comparator.reverseOrder()).toList();
      }
      for (Path each : all) {
        Files.deleteIfExists(each);
      }
    } catch (IOException e) {
      throw new InputException(
          "cannot remove the unfinished %s (%s); remove it by hand".formatted(path, reason(e)), e);
    }
  }

  /// Returns the sentence for a failure to write a target.
  public static InputException failure(Path target, IOException e) {
    return new InputException(
        "cannot write %s: %s; free some space or choose another folder"
            .formatted(target, reason(e)),
        e);
  }

  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "no permission";
      case NoSuchFileException _ -> "no such folder";
      case FileSystemException named when named.getReason() != null -> named.getReason();
      default -> e.getMessage();
    };
  }
}
