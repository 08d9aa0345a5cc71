package wan4j.text;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.Map;

/// Plain forms of typographic characters: Latin ligatures, full and half width, curly quotes, line
/// breaks, lone surrogates (rspeer/python-ftfy, commit 74dd045, ftfy/chardata.py, ftfy/fixes.py).
final class Typography {
  private static final Map<Character, String> PLAIN = plainForms();

  private Typography() {}

  private static Map<Character, String> plainForms() {
    var plain = new HashMap<Character, String>();
    // One apostrophe-n, whose apostrophe is curly in itself and straightened with the others.
    plain.put('\u0149', "'n");
    put(plain, "\u0132\u0133", "IJ", "ij");
    put(plain, "\u01C4\u01C5\u01C6", "D\u017D", "D\u017E", "d\u017E");
    put(plain, "\u01C7\u01C8\u01C9\u01CA\u01CB\u01CC", "LJ", "Lj", "lj", "NJ", "Nj", "nj");
    put(plain, "\u01F1\u01F2\u01F3", "DZ", "Dz", "dz");
    put(plain, "\uFB00\uFB01\uFB02\uFB03", "ff", "fi", "fl", "ffi");
    put(plain, "\uFB04\uFB05\uFB06", "ffl", "\u017Ft", "st");
    plain.put('\u3000', " ");
    for (char wide = '\uFF01'; wide < '\uFFF0'; wide++) {
      String character = String.valueOf(wide);
      String normal = Normalizer.normalize(character, Normalizer.Form.NFKC);
      if (!normal.equals(character)) {
        plain.put(wide, normal);
      }
    }
    put(plain, "\u02BC\u2018\u2019\u201A\u201B", "'", "'", "'", "'", "'");
    put(plain, "\u201C\u201D\u201E\u201F", "\"", "\"", "\"", "\"");
    put(plain, "\u2028\u2029", "\n", "\n");
    return plain;
  }

  private static void put(Map<Character, String> plain, String characters, String... forms) {
    for (int i = 0; i < forms.length; i++) {
      plain.put(characters.charAt(i), forms[i]);
    }
  }

  /// The text in plain characters; its line breaks are line feeds and it has no lone surrogates.
  static String simplify(String text) {
    var simple = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char character = text.charAt(i);
      if (character == '\r') {
        if (i + 1 == text.length() || text.charAt(i + 1) != '\n') {
          simple.append('\n');
        }
      } else if (Character.isSurrogate(character)) {
        if (Character.isHighSurrogate(character)
            && i + 1 < text.length()
            && Character.isLowSurrogate(text.charAt(i + 1))) {
          simple.append(character).append(text.charAt(++i));
        } else {
          simple.append('\uFFFD');
        }
      } else {
        String form = character < 0x80 ? null : PLAIN.get(character);
        if (form == null) {
          simple.append(character);
        } else {
          simple.append(form);
        }
      }
    }
    return simple.toString();
  }
}
