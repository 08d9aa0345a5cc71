package wan4j.cli;

/// A failure after which something is left that the user can go on from.
final class Unfinished extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Creates it over what failed; `note` tells what is left and how to go on.
  Unfinished(Throwable cause, String note) {
    super(note, cause);
  }

  /// Returns what failed and what is left, or null when an error of wan4j itself has failed.
  String sentence() {
    String failed = Failure.sentence(getCause());
    return failed == null ? null : "%s; %s".formatted(failed, getMessage());
  }
}
