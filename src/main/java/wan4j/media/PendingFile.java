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
/// name only when it is whole; closing it before that, or ending the program, removes it.
public final class PendingFile implements AutoCloseable {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Path target;
  private final Path path;
  private final Thread removal; // for a program that is ended from outside

  private PendingFile(Path target) {
    this.target = target;
    String name =
        ".%s.%d-%d.part"
            .formatted(
                target.getFileName(), ProcessHandle.current().pid(), COUNTER.incrementAndGet());
    path = target.resolveSibling(name);
    removal = new Thread(this::remove);
    Runtime.getRuntime().addShutdownHook(removal);
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
      pending.forget();
      throw failure(target, e);
    }
    return pending;
  }

  /// Throws `InputException` when a file could not be written, as far as that can be known before.
  public static void requireWritable(Path file) {
    requireWritableParent(file);
    if (Files.isDirectory(file)) {
      throw new InputException(
          "cannot write %s, which is a folder; choose another name".formatted(file));
    }
  }

  /// Throws `InputException` when the folder of a target is not there or cannot be written to.
  static void requireWritableParent(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new InputException(
          "cannot write %s: there is no folder %s; create it first".formatted(file, folder));
    }
    if (!Files.isWritable(folder)) {
      throw new InputException(
          "cannot write %s: no permission for the folder %s; choose another"
              .formatted(file, folder));
    }
  }

  /// Throws `InputException` when a folder could neither be made nor written to.
  public static void requireWritableFolder(Path folder) {
    Path there = existing(folder);
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      throw new InputException(
          "cannot make the folder %s: %s is %s; choose another"
              .formatted(
                  folder,
                  there,
                  Files.isDirectory(there) ? "a folder without permission to write" : "no folder"));
    }
  }

  /// Returns a path, or the nearest folder above it that is there.
  public static Path existing(Path path) {
    Path at = path.toAbsolutePath().normalize();
    while (!Files.exists(at) && at.getParent() != null) {
      at = at.getParent();
    }
    return at;
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
      forget();
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Removes what was written unless it has taken the target's name.
  @Override
  public void close() {
    forget();
    remove();
  }

  /// Lets the end of the program leave the file alone, which is none of its business any more.
  private void forget() {
    try {
      Runtime.getRuntime().removeShutdownHook(removal);
    } catch (IllegalStateException e) {
      // the program ends already, and the removal runs or has run
    }
  }

  private void remove() {
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
