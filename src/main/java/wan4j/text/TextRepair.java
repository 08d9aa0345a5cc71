package wan4j.text;

import java.text.Normalizer;
import java.util.regex.Pattern;

/// Repairs broken text with the result of `ftfy.fix_text` and its default settings
/// (rspeer/python-ftfy, commit 74dd045, version 6.3.1, ftfy/__init__.py).
final class TextRepair {
  // A longer line is cut into segments of this many code points.
  private static final int SEGMENT_LIMIT = 1_000_000;

  private static final Pattern TERMINAL_ESCAPE = Pattern.compile("\\x1B\\[[\\p{Nd};]*+[a-zA-Z]");

  private static final Pattern CONTROL =
      Pattern.compile(
          "[\\x00-\\x08\\x0B\\x0E-\\x1F\\x7F\\x{206A}-\\x{206F}\\x{FEFF}\\x{FFF9}-\\x{FFFC}]");

  private TextRepair() {}

  /// The text with every line repaired on its own.
  static String repair(String text) {
    var repaired = new StringBuilder(text.length());
    boolean decodeEntities = true;
    int position = 0;
    while (position < text.length()) {
      int newline = text.indexOf('\n', position);
      int end = newline < 0 ? text.length() : newline + 1;
      if (text.codePointCount(position, end) > SEGMENT_LIMIT) {
        end = text.offsetByCodePoints(position, SEGMENT_LIMIT);
      }
      String segment = text.substring(position, end);
      // A '<' says that this is real HTML; from there on entities are kept, in later lines too.
      decodeEntities &= segment.indexOf('<') < 0;
      repaired.append(repairSegment(segment, decodeEntities));
      position = end;
    }
    return repaired.toString();
  }

  /// One repair can uncover the next, so the steps are repeated until nothing changes.
  private static String repairSegment(String text, boolean decodeEntities) {
    while (true) {
      String before = text;
      if (decodeEntities) {
        text = HtmlEntities.decodeUnambiguous(text);
      }
      text = Mojibake.repair(text);
      text = SingleByteEncoding.windowsControls(text);
      text = Typography.simplify(text);
      text = TERMINAL_ESCAPE.matcher(text).replaceAll("");
      text = CONTROL.matcher(text).replaceAll("");
      text = Normalizer.normalize(text, Normalizer.Form.NFC);
      if (text.equals(before)) {
        return text;
      }
    }
  }
}
