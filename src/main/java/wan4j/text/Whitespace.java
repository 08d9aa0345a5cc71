package wan4j.text;

/// White space at the ends of texts, by Unicode's property of that name; each text is gone through
/// once, which a pattern that ends in `$` does not promise.
final class Whitespace {
  private Whitespace() {}

  static String withoutBefore(String text) {
    int start = 0;
    while (start < text.length() && isSpace(text.charAt(start))) {
      start++;
    }
    return text.substring(start);
  }

  static String withoutAfter(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  // all of them lie in the basic plane
  private static boolean isSpace(char c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x85 || Character.isSpaceChar(c);
  }
}
