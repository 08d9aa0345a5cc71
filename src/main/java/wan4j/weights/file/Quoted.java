package wan4j.weights.file;

/// Text out of a file, made fit for a message: one line, no control characters, not longer than 120
/// characters.
public final class Quoted {
  private static final int LIMIT = 120;

  private Quoted() {}

  public static String of(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < Math.min(text.length(), LIMIT); i++) {
      char c = text.charAt(i);
      out.append(c < ' ' || c == 0x7F || Character.isSurrogate(c) ? '?' : c);
    }
    return out.append(text.length() > LIMIT ? "…\"" : "\"").toString();
  }
}
