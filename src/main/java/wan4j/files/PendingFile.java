package wan4j.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// A file or folder that is written under a hidden name beside its target and takes the target's
/// name only when it is whole; closing it before that, or ending the program, removes it.
public final class PendingFile implements AutoCloseable {
  private static final Set<PendingFile> UNFINISHED = ConcurrentHashMap.newKeySet();
  private static final Set<Runnable> BEFORE_REMOVAL = ConcurrentHashMap.newKeySet();
  private static final SecureRandom RANDOM = new SecureRandom();

  static {
    // one hook for all, since what is unfinished may lie in an unfinished folder
    Thread removal = new Thread(PendingFile::removeUnfinished, "removing unfinished files");
    try {
      Runtime.getRuntime().addShutdownHook(removal);
    } catch (IllegalStateException e) {
      // the program ends already: what it still begins is removed by closing it alone
    }
  }

  private static final String PART = ".part";
  private static final String NO_PERMISSION = "no permission";
  private static final String NO_FOLDER = "its folder does not exist";
  private static final String IS_FOLDER = "it is a folder";
  private static final int LONGEST_NAME = 255; // bytes, on the usual file systems
  private static final int LONGEST_MARK = 56; // what a temporary name has more than its target's

  private final Path target;
  private final Path path;

  private PendingFile(Path target) {
    this.target = target;
    path =
        target.resolveSibling(
            ".%s.%s-%016x%s"
                .formatted(target.getFileName(), Owner.SELF.mark(), RANDOM.nextLong(), PART));
    UNFINISHED.add(this);
  }

  /// Names a file beside its target; nothing is created yet. What processes that have ended left
  /// for the same target is removed.
  public static PendingFile file(Path target) {
    removeEnded(target.toAbsolutePath());
    return new PendingFile(target.toAbsolutePath());
  }

  /// Creates a folder beside its target; throws `InputException` when that is not possible. What
  /// processes that have ended left for the same target is removed.
  public static PendingFile folder(Path target) {
    removeEnded(target.toAbsolutePath());
    PendingFile pending = new PendingFile(target.toAbsolutePath());
    try {
      Files.createDirectory(pending.path);
    } catch (IOException e) {
      UNFINISHED.remove(pending);
      throw failure(target, e);
    }
    return pending;
  }

  /// Returns what others left unfinished, or still write, for a target: what is certainly left by a
  /// process that has ended is not among it, since it is removed when the target is written.
  public static List<Path> strangers(Path target) {
    return unfinished(target.toAbsolutePath()).stream()
        .filter(path -> {
          Owner owner = owner(target, path);
          return owner == null || (!owner.equals(Owner.SELF) && !owner.hasEnded());
        })
        .toList();
  }

  private static void removeEnded(Path target) {
    for (Path path : unfinished(target)) {
      Owner owner = owner(target, path);
      if (owner != null && owner.hasEnded()) {
        try {
          remove(path);
        } catch (IOException e) {
          // another process removes it too, or it may not be removed: it stays, hidden
        }
      }
    }
  }

  /// Returns the unfinished files and folders of a target, whoever writes them.
  private static List<Path> unfinished(Path target) {
    Path name = target.getFileName();
    Path folder = target.getParent();
    if (name == null || folder == null || !Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(path -> isUnfinished(name.toString(), path.getFileName().toString()))
          .sorted()
          .toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // the target will tell
    }
  }

  private static boolean isUnfinished(String target, String name) {
    String start = "." + target + ".";
    return name.startsWith(start)
        && name.endsWith(PART)
        && name.length() > start.length() + PART.length()
        && name.substring(start.length(), name.length() - PART.length()).matches("[0-9a-f-]+");
  }

  private static Owner owner(Path target, Path unfinished) {
    String name = unfinished.getFileName().toString();
    int start = target.getFileName().toString().length() + 2;
    String mark = name.substring(start, name.length() - PART.length());
    int random = mark.lastIndexOf('-');
    return random < 0 ? null : Owner.of(mark.substring(0, random));
  }

  /// Writes a text whole or not at all, in place of a file that is there, and makes the folders
  /// above it; throws `InputException` when the target cannot be written.
  public static void write(Path target, String text) {
    createParent(target);
    try (PendingFile pending = file(target)) {
      Files.writeString(pending.path, text, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW);
      pending.commit();
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Makes the folders above a target; throws `InputException` when that is not possible.
  public static void createParent(Path target) {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null) {
      throw failure(target, IS_FOLDER);
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Throws `InputException` when a file could not be written, as far as that can be known before.
  public static void requireWritable(Path file) {
    requireWritableParent(file);
    requireShortName(file);
    if (Files.isDirectory(file)) {
      throw new InputException(
          "cannot write %s, which is a folder; choose another name".formatted(file));
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new InputException(
          "cannot write %s, which is not an ordinary file; choose another name".formatted(file));
    }
  }

  /// Throws `InputException` when a target's name is so long that no temporary one fits beside it.
  public static void requireShortName(Path file) {
    Path name = file.toAbsolutePath().getFileName();
    int bytes = name == null ? 0 : name.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > LONGEST_NAME - LONGEST_MARK) {
      throw new InputException(
          "cannot write %s, whose name has %d bytes; expected at most %d: choose a shorter name"
              .formatted(file, bytes, LONGEST_NAME - LONGEST_MARK));
    }
  }

  /// Throws `InputException` when the disk of a target, which need not be there yet, has fewer
  /// bytes free than it needs.
  public static void requireSpace(Path target, long bytes) {
    try {
      long free = Files.getFileStore(existing(target)).getUsableSpace();
      if (free < bytes) {
        throw new InputException(
            "%s needs about %,d MB and its disk has %,d MB free; free some space or choose another folder"
                .formatted(target, Math.ceilDiv(bytes, 1_000_000), free / 1_000_000));
      }
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Throws `InputException` when the folder of a target is not there or cannot be written to.
  public static void requireWritableParent(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null) {
      throw new InputException(
          "cannot write %s, which is the root of all folders; give a name in it".formatted(file));
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new InputException(
          "cannot write %s: %s is not a folder; choose another".formatted(file, folder));
    }
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "cannot write %s: the folder %s does not exist; create it first".formatted(file, folder));
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
                  Files.isDirectory(there)
                      ? "a folder without permission to write"
                      : "not a folder"));
    }
  }

  /// Throws `InputException` unless what a flag names is nothing yet or an empty folder.
  public static void requireNewFolder(String flag, Path folder) {
    if (!isNewFolder(folder)) {
      throw new InputException(
          Files.isDirectory(folder)
              ? "%s got %s, which is not empty; give a new folder".formatted(flag, folder)
              : "%s got %s, which is a file; give a folder".formatted(flag, folder));
    }
  }

  /// Says whether a path is nothing yet or an empty folder.
  public static boolean isNewFolder(Path path) {
    if (!Files.isDirectory(path)) {
      return !Files.exists(path);
    }
    try (Stream<Path> list = Files.list(path)) {
      return list.findAny().isEmpty();
    } catch (IOException e) {
      throw failure(path, e);
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
      UNFINISHED.remove(this);
    } catch (IOException e) {
      throw failure(target, e);
    }
  }

  /// Removes what was written unless it has taken the target's name.
  @Override
  public void close() {
    if (!UNFINISHED.remove(this)) {
      return;
    }
    try {
      remove();
    } catch (IOException e) {
      throw new InputException(
          "cannot remove the unfinished %s (%s); remove it by hand".formatted(path, reason(e)), e);
    }
  }

  /// Does something when the program ends and before what is unfinished is removed: what it
  /// finishes stays.
  public static void beforeRemoval(Runnable action) {
    BEFORE_REMOVAL.add(action);
  }

  private static void removeUnfinished() {
    BEFORE_REMOVAL.forEach(Runnable::run);
    abandonAll();
  }

  /// Removes whatever is unfinished, for a program that ends without its hooks.
  public static void abandonAll() {
    for (PendingFile pending : UNFINISHED) {
      try {
        pending.remove();
      } catch (IOException e) {
        // it stays, hidden: the program ends and tells nothing any more
      }
    }
  }

  private void remove() throws IOException {
    if (Files.exists(path)) {
      remove(path);
    }
  }

  /// Removes a file, or a folder with all that is in it.
  public static void remove(Path path) throws IOException {
    try (Stream<Path> walk = Files.walk(path)) {
      List<Path> all = walk.sorted(Comparator.reverseOrder()).toList();
      for (Path each : all) {
        Files.deleteIfExists(each);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /// Returns the sentence for a failure to write a target.
  public static InputException failure(Path target, IOException e) {
    return new InputException(sentence(target, reason(e)), e);
  }

  /// Returns the sentence for a target that cannot be written for the reason that a library gives.
  public static InputException failure(Path target, String reason) {
    return new InputException(sentence(target, reason));
  }

  private static String sentence(Path target, String reason) {
    return "%s cannot be written (%s); %s".formatted(target, reason, cure(reason));
  }

  private static String cure(String reason) {
    return switch (reason) {
      case NO_PERMISSION, NO_FOLDER, IS_FOLDER -> "choose another name or folder";
      default ->
          reason.contains("irectory") || reason.endsWith("is not a folder")
              ? "choose another name or folder"
              : "free some space or choose another folder";
    };
  }

  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> NO_PERMISSION;
      case NoSuchFileException _ -> NO_FOLDER;
      case FileAlreadyExistsException there -> there.getFile() + " is not a folder";
      case FileSystemException named when named.getReason() != null -> named.getReason();
      default -> e.getMessage() == null ? "the system gives no reason" : e.getMessage();
    };
  }
}
