package wan4j.text;

import java.util.BitSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Repairs text whose UTF-8 bytes were once read in a single-byte encoding.
///
/// Heuristics and their constants: rspeer/python-ftfy, commit 74dd045 (version 6.3.1),
/// ftfy/__init__.py (order of the attempts), ftfy/chardata.py (byte patterns), ftfy/badness.py.
final class Mojibake {
  private static final Pattern SIGNS =
      Pattern.compile(
          TextResource.lines("mojibake-rules.txt").stream()
              .map(CharacterClasses::expand)
              .collect(Collectors.joining("|")));

  // UTF-8 of which a byte A0 became a space, with lead bytes where that makes likely characters.
  private static final Pattern SPACED_UTF8 =
      Pattern.compile(
          "[\\xC2\\xC3\\xC5\\xCE\\xD0\\xD9] "
              + "|[\\xE2\\xE3] [\\x80-\\x84\\x86-\\x9F\\xA1-\\xBF]"
              + "|[\\xE0-\\xE3][\\x80-\\x84\\x86-\\x9F\\xA1-\\xBF] "
              + "|\\xF0 [\\x80-\\xBF][\\x80-\\xBF]"
              + "|\\xF0[\\x80-\\xBF] [\\x80-\\xBF]"
              + "|\\xF0[\\x80-\\xBF][\\x80-\\xBF] ");

  // A lone a-grave is mostly a word of its own and keeps its space, but for Portuguese words.
  private static final Pattern A_GRAVE_WORD = Pattern.compile("\\xC3 (?! |quele|quela|quilo|s )");

  // UTF-8 with continuation bytes that were lost: 1A, or '?' at most once in a sequence.
  private static final Pattern LOSSY_UTF8 =
      Pattern.compile(
          "[\\xC2-\\xDF]\\x1A"
              + "|[\\xC2\\xC3]\\?"
              + "|\\xED[\\xA0-\\xAF][\\x1A?]\\xED[\\xB0-\\xBF][\\x1A?\\x80-\\xBF]"
              + "|\\xED[\\xA0-\\xAF][\\x1A?\\x80-\\xBF]\\xED[\\xB0-\\xBF][\\x1A?]"
              + "|[\\xE0-\\xEF][\\x1A?][\\x1A\\x80-\\xBF]"
              + "|[\\xE0-\\xEF][\\x1A\\x80-\\xBF][\\x1A?]"
              + "|[\\xF0-\\xF4][\\x1A?][\\x1A\\x80-\\xBF][\\x1A\\x80-\\xBF]"
              + "|[\\xF0-\\xF4][\\x1A\\x80-\\xBF][\\x1A?][\\x1A\\x80-\\xBF]"
              + "|[\\xF0-\\xF4][\\x1A\\x80-\\xBF][\\x1A\\x80-\\xBF][\\x1A?]"
              + "|\\x1A");

  private static final String REPLACEMENT_BYTES = "\u00EF\u00BF\u00BD";

  // What the bytes of UTF-8 look like in any of the encodings.
  private static final BitSet LEAD_OF_2 = CharacterClasses.set("lead2");
  private static final BitSet LEAD_OF_3 = CharacterClasses.set("lead3");
  private static final BitSet LEAD_OF_4 = CharacterClasses.set("lead4");
  private static final BitSet TAIL = CharacterClasses.set("tail");
  private static final BitSet STRICT_TAIL = CharacterClasses.set("strictTail");

  private Mojibake() {}

  /// The text as it was meant, or as it is where nothing looks wrong.
  static String repair(String text) {
    while (true) {
      String repaired = repairOnce(text);
      if (repaired.equals(text)) {
        return text;
      }
      text = repaired;
    }
  }

  private static boolean isSuspicious(String text) {
    return text.chars().anyMatch(character -> character >= 0x80) && SIGNS.matcher(text).find();
  }

  private static String repairOnce(String text) {
    if (!isSuspicious(text)) {
      return text;
    }
    for (SingleByteEncoding encoding : SingleByteEncoding.ALL) {
      String decoded = decodeFrom(encoding, text);
      if (decoded != null) {
        return decoded;
      }
    }
    String repaired = repairRuns(text);
    return repaired.equals(text) ? SingleByteEncoding.windowsControls(text) : repaired;
  }

  /// The UTF-8 that was misread in this encoding, or null where there is none.
  private static String decodeFrom(SingleByteEncoding encoding, String text) {
    String bytes = encoding.encode(text);
    if (bytes == null) {
      return null;
    }
    if (!encoding.isMacRoman() && SPACED_UTF8.matcher(bytes).find()) {
      bytes = A_GRAVE_WORD.matcher(bytes).replaceAll("\u00C3\u00A0 ");
      bytes = SPACED_UTF8.matcher(bytes).replaceAll(m -> m.group().replace(' ', '\u00A0'));
    }
    if (encoding.isPermissive()) {
      bytes = LOSSY_UTF8.matcher(bytes).replaceAll(REPLACEMENT_BYTES);
    }
    return Utf8Variants.decode(bytes);
  }

  /// Repairs each stretch that looks like UTF-8 by itself, for text of several encodings.
  private static String repairRuns(String text) {
    var repaired = new StringBuilder(text.length());
    int position = 0;
    while (position < text.length()) {
      int end = position;
      if (position == 0 || !STRICT_TAIL.get(text.charAt(position - 1))) {
        end = endOfRun(text, position);
      }
      if (end == position) {
        repaired.append(text.charAt(position++));
        continue;
      }
      String run = text.substring(position, end);
      // A run that is all of the text has been tried already.
      boolean worthwhile = run.length() < text.length() && isSuspicious(run);
      repaired.append(worthwhile ? repair(run) : run);
      position = end;
    }
    return repaired.toString();
  }

  private static int endOfRun(String text, int position) {
    while (position < text.length()) {
      char lead = text.charAt(position);
      if (LEAD_OF_2.get(lead) && tails(text, position + 1, 1)) {
        position += 2;
      } else if (LEAD_OF_3.get(lead) && tails(text, position + 1, 2)) {
        position += 3;
      } else if (LEAD_OF_4.get(lead) && tails(text, position + 1, 3)) {
        position += 4;
      } else {
        break;
      }
    }
    return position;
  }

  private static boolean tails(String text, int position, int count) {
    if (position + count > text.length()) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      if (!TAIL.get(text.charAt(position + i))) {
        return false;
      }
    }
    return true;
  }
}
