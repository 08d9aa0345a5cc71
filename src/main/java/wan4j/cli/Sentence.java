package wan4j.cli;

import wan4j.tensor.InputException;

/// A sentence as it reaches the terminal: one line without control characters, of bounded length,
/// whatever a file or an argument has brought into it.
final class Sentence {
  private static final int LIMIT = 1_200;
  private static final int END = 400; // where the cure is

  private Sentence() {}

  /// Returns a line fit for the terminal, its blanks as they are.
  static String inLine(String text) {
    StringBuilder line = new StringBuilder();
    text.codePoints()
        .forEach(letter -> line.appendCodePoint(InputException.isShown(letter) ? letter : '?'));
    return line.toString();
  }

  /// Returns a sentence fit for the terminal.
  static String of(String text) {
    StringBuilder line = new StringBuilder();
    text.strip()
        .codePoints()
        .map(letter -> Character.isWhitespace(letter) ? ' ' : letter)
        .forEach(letter -> {
          boolean follows =
              letter == ' ' && !line.isEmpty() && line.charAt(line.length() - 1) == ' ';
          if (!follows) {
            line.appendCodePoint(InputException.isShown(letter) ? letter : '?');
          }
        });
    if (line.length() <= LIMIT) {
      return line.toString();
    }
    return line.substring(0, LIMIT - END) + " … " + line.substring(line.length() - END);
  }
}
