package wan4j.cuda.bind;

import java.io.Serial;

/// A call into a CUDA library failed: which library, which function, its status code and the text.
public final class CudaException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /// The code of a failure that the library itself never saw: it is missing, or lacks the function.
  public static final int MISSING = -1;

  private final String library;
  private final String function;
  private final int code;

  /// A failure of `function` in `library` with the library's own `code` and one sentence of text.
  public CudaException(String library, String function, int code, String text) {
    super(
        code == MISSING ? text : library + ": " + function + " failed with " + code + ", " + text);
    this.library = library;
    this.function = function;
    this.code = code;
  }

  /// The library's name, as people write it.
  public String library() {
    return library;
  }

  /// The C function that was called.
  public String function() {
    return function;
  }

  /// The status code of the library, or [#MISSING].
  public int code() {
    return code;
  }
}
