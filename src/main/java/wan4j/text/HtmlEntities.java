package wan4j.text;

import java.util.HashMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// HTML5 character references, by the two rules that the reference applies one after the other.
final class HtmlEntities {
  private static final Pattern REFERENCE =
      Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");
  private static final Pattern UNAMBIGUOUS = Pattern.compile("&#?[0-9A-Za-z]{1,24};");

  // Name to text; a name ends in ';' unless HTML5 also knows it without.
  private static final Map<String, String> NAMED = new HashMap<>();
  private static final Map<String, String> SHOUTED = new HashMap<>();

  static {
    for (String line : TextResource.lines("html-entities.txt")) {
      String[] words = line.split(" ");
      var text = new StringBuilder();
      for (int i = 1; i < words.length; i++) {
        if (words[i].equals("*")) {
          NAMED.put(words[0], text.toString());
        } else {
          text.appendCodePoint(HexFormat.fromHexDigits(words[i]));
        }
      }
      NAMED.put(words[0] + ";", text.toString());
    }
    for (var entry : NAMED.entrySet()) {
      String name = entry.getKey();
      if (name.endsWith(";") && name.equals(name.toLowerCase(Locale.ROOT))) {
        String shouted = name.toUpperCase(Locale.ROOT);
        if (decode("&" + shouted).equals("&" + shouted)) {
          SHOUTED.put(shouted, entry.getValue().toUpperCase(Locale.ROOT));
        }
      }
    }
  }

  private HtmlEntities() {}

  /// Decodes as a browser does, and Python's `html.unescape`: semicolons are optional for old
  /// names.
  static String decode(String text) {
    if (text.indexOf('&') < 0) {
      return text;
    }
    return REFERENCE
        .matcher(text)
        .replaceAll(match -> Matcher.quoteReplacement(decodeReference(match.group(1))));
  }

  /// Decodes only what ends in a semicolon, and lower-case names written in capitals
  /// (rspeer/python-ftfy, commit 74dd045, ftfy/fixes.py, unescape_html).
  static String decodeUnambiguous(String text) {
    if (text.indexOf('&') < 0) {
      return text;
    }
    return UNAMBIGUOUS
        .matcher(text)
        .replaceAll(match -> Matcher.quoteReplacement(decodeWhole(match)));
  }

  private static String decodeWhole(MatchResult match) {
    String reference = match.group();
    if (reference.startsWith("&#")) {
      String decoded = decode(reference);
      return decoded.indexOf(';') < 0 ? decoded : reference;
    }
    String name = reference.substring(1);
    String text = NAMED.getOrDefault(name, SHOUTED.get(name));
    return text == null ? reference : text;
  }

  private static String decodeReference(String reference) {
    if (reference.startsWith("#")) {
      return decodeNumber(reference);
    }
    for (int length = reference.length(); length > 1; length--) {
      String text = NAMED.get(reference.substring(0, length));
      if (text != null) {
        return text + reference.substring(length);
      }
    }
    return "&" + reference;
  }

  private static String decodeNumber(String reference) {
    boolean hexadecimal = Character.toLowerCase(reference.charAt(1)) == 'x';
    int end = reference.endsWith(";") ? reference.length() - 1 : reference.length();
    long number = 0;
    for (int i = hexadecimal ? 2 : 1; i < end && number <= Character.MAX_CODE_POINT; i++) {
      number =
          number * (hexadecimal ? 16 : 10)
              + Character.digit(reference.charAt(i), hexadecimal ? 16 : 10);
    }
    if (number == 0
        || number > Character.MAX_CODE_POINT
        || (number >= Character.MIN_SURROGATE && number <= Character.MAX_SURROGATE)) {
      return "\uFFFD";
    }
    int codePoint = (int) number;
    if (codePoint >= 0x80 && codePoint <= 0x9F) {
      return SingleByteEncoding.windowsControls(Character.toString(codePoint));
    }
    return isDropped(codePoint) ? "" : Character.toString(codePoint);
  }

  /// Control characters other than white space, and Unicode's noncharacters.
  private static boolean isDropped(int codePoint) {
    return codePoint < 0x09
        || codePoint == 0x0B
        || (codePoint >= 0x0E && codePoint < 0x20)
        || codePoint == 0x7F
        || (codePoint >= 0xFDD0 && codePoint <= 0xFDEF)
        || (codePoint & 0xFFFE) == 0xFFFE;
  }
}
