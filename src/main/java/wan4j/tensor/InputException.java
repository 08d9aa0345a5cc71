package wan4j.tensor;

/// Thrown when what the user gave cannot be used; its message is one sentence: what was got, what
/// was expected, the cure. Whatever a file or an argument has put into the sentence, it holds no
/// control character and at most 2,000 characters.
public final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final int LONGEST = 2000;
  private static final int KEPT_AT_END = 600; // where the cure is

  /// Creates an exception with the sentence that the user will read.
  public InputException(String message) {
    super(fit(message));
  }

  /// Creates an exception with the sentence that the user will read and what led to it.
  public InputException(String message, Throwable cause) {
    super(fit(message), cause);
  }

  private static String fit(String message) {
    int excess = message.length() - LONGEST;
    if (excess <= 0) {
      return onOneLine(message);
    }
    int end = message.length() - KEPT_AT_END;
    return onOneLine(message.substring(0, end - excess) + " … " + message.substring(end));
  }

  /// Returns a text with a blank for each run of line ends and tabs, and a question mark for each
  /// other control or formatting character and each half of a surrogate pair.
  public static String onOneLine(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      boolean isBlank = c == '\n' || c == '\r' || c == '\t' || c == 0x2028 || c == 0x2029;
      if (isBlank) {
        if (!out.isEmpty() && out.charAt(out.length() - 1) != ' ') {
          out.append(' ');
        }
      } else {
        out.appendCodePoint(isShown(c) ? c : '?');
      }
    }
    return out.toString();
  }

  /// Says whether a code point may stand in a line on a terminal: format characters can turn the
  /// direction of what follows, surrogates are halves of letters.
  public static boolean isShown(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
