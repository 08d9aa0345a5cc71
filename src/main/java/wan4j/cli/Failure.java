package wan4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import wan4j.engine.Backends;
import wan4j.tensor.InputException;

/// What the user reads of an exception that ended a command: one sentence with the cure.
final class Failure {
  private static final String DEBUG = "wan4j.debug";

  private Failure() {}

  /// Says whether stack traces are wanted: the system property `wan4j.debug` is true.
  static boolean isTraced() {
    return Boolean.getBoolean(DEBUG);
  }

  /// Returns the sentence, or null for an exception that is an error of wan4j itself.
  static String sentence(Exception exception) {
    String sentence =
        switch (exception) {
          case InputException input -> input.getMessage();
          case UncheckedIOException file -> sentence(file);
          case IOException file -> ofFile(file);
          default -> Backends.failure(exception);
        };
    return sentence == null ? null : sentence.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  private static String sentence(UncheckedIOException exception) {
    boolean isTold = !exception.getCause().toString().equals(exception.getMessage());
    return isTold ? exception.getMessage() : ofFile(exception.getCause());
  }

  private static String ofFile(IOException exception) {
    String told =
        exception instanceof FileSystemException file
            ? "the file %s could not be used (%s)".formatted(file.getFile(), reason(file))
            : "a file could not be used (%s)".formatted(exception.getMessage());
    return told + "; see that it is there, can be read and written, and that its disk has room";
  }

  private static String reason(FileSystemException exception) {
    return exception.getReason() == null
        ? exception.getClass().getSimpleName()
        : exception.getReason();
  }
}
