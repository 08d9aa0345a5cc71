package wan4j.tensor;

/// Thrown when what the user gave cannot be used; its message is one sentence: what was got, what
/// was expected, the cure.
public final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Creates an exception with the sentence that the user will read.
  public InputException(String message) {
    super(message);
  }

  /// Creates an exception with the sentence that the user will read and what led to it.
  public InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
