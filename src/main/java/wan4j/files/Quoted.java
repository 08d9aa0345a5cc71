package wan4j.files;

import wan4j.tensor.InputException;

/// Text out of a file, made fit for a message: one line, no control characters, not longer than 120
/// characters.
public final class Quoted {
  private static final int LIMIT = 120;

  private Quoted() {}

  /// Returns the text in quotation marks.
  public static String of(String text) {
    return "\"" + plain(text) + "\"";
  }

  /// Returns the text without quotation marks, for what another program says of a file.
  public static String plain(String text) {
    String beginning = text.length() > LIMIT ? text.substring(0, LIMIT) + "…" : text;
    return InputException.onOneLine(beginning);
  }
}
