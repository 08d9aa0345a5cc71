package wan4j.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.CancellationException;
import wan4j.engine.Backends;
import wan4j.tensor.InputException;

/// What the user reads of what ended a command: one sentence with the cure.
final class Failure {
  private static final String DEBUG = "wan4j.debug";

  private Failure() {}

  /// Says whether stack traces are wanted: the system property `wan4j.debug` is true.
  static boolean isTraced() {
    return Boolean.getBoolean(DEBUG);
  }

  /// Says whether a GPU can do no more after a failure.
  static boolean isOfBrokenGpu(Throwable failure) {
    return failure instanceof Exception exception && Backends.isBroken(exception);
  }

  /// Returns the exit code of a failure.
  static int code(Throwable failure) {
    return switch (failure) {
      case InputException _ -> Main.BAD_INPUT;
      case Unfinished unfinished -> code(unfinished.getCause());
      case CancellationException _ -> Main.INTERRUPTED;
      default -> Main.FAILED;
    };
  }

  /// Returns the sentence, or null for a failure that is an error of wan4j itself.
  static String sentence(Throwable failure) {
    return switch (failure) {
      case Unfinished unfinished -> unfinished.sentence();
      case InputException input -> input.getMessage();
      case CancellationException _ -> "stopped";
      case UncheckedIOException file -> sentence(file);
      case IOException file -> ofFile(file);
      case OutOfMemoryError memory -> ofMemory(memory);
      case StackOverflowError _ ->
          "what was given is nested or repeated more deeply than wan4j follows; give another file,"
              + " or a shorter text";
      case LinkageError missing -> ofPart(missing);
      case Exception exception -> Backends.failure(exception);
      default -> null;
    };
  }

  private static String ofMemory(OutOfMemoryError error) {
    long heap = Runtime.getRuntime().maxMemory() >> 20;
    String message = String.valueOf(error.getMessage());
    if (message.contains("native thread")) {
      return "no further thread could be started; close other programs, or raise the limit of"
          + " processes (ulimit -u)";
    }
    return message.contains("heap") || message.contains("array size") || message.contains("GC")
        ? "the memory of Java ran out, which has %,d MiB; give it more with WAN4J_JAVA_OPTIONS=-Xmx…g, or choose a smaller --size or --frame_num"
            .formatted(heap)
        : "the memory of this machine ran out; close other programs, or choose a smaller --size or"
            + " --frame_num";
  }

  private static String ofPart(LinkageError error) {
    Throwable cause = error.getCause();
    String told = cause == null ? null : sentence(cause);
    return told != null
        ? told
        : "a part of wan4j is missing or damaged (%s); build it again, or unpack the bundle again"
            .formatted(error.getMessage());
  }

  private static String sentence(UncheckedIOException exception) {
    boolean isTold = !exception.getCause().toString().equals(exception.getMessage());
    return isTold ? exception.getMessage() : ofFile(exception.getCause());
  }

  private static String ofFile(IOException exception) {
    String told =
        exception instanceof FileSystemException file && file.getFile() != null
            ? "the file %s could not be used (%s)".formatted(file.getFile(), reason(file))
            : "a file could not be used (%s)".formatted(reason(exception));
    return told + "; see that it is there, can be read and written, and that its disk has room";
  }

  /// Returns why a file could not be used, in words.
  static String reason(IOException exception) {
    return switch (exception) {
      case AccessDeniedException _ -> "no permission";
      case NoSuchFileException _ -> "it is not there";
      case FileNotFoundException _ -> "it is not there or cannot be opened";
      case NotDirectoryException _ -> "it is not a folder";
      case DirectoryNotEmptyException _ -> "it is a folder that is not empty";
      case FileAlreadyExistsException _ -> "it is there already";
      case FileSystemLoopException _ -> "its links lead in a circle";
      case FileSystemException file when file.getReason() != null -> file.getReason();
      default ->
          exception.getMessage() == null ? "the system gives no reason" : exception.getMessage();
    };
  }
}
