package wan4j.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Decodes strict UTF-8, and with it the two spellings that Java and old databases write: surrogate
/// pairs of three bytes each (CESU-8) and C0 80 for U+0000.
///
/// The rules, a line feed at the very end that counts as the end of the text among them, are those
/// of rspeer/python-ftfy, commit 74dd045, ftfy/bad_codecs/utf8_variants.py.
final class Utf8Variants {
  private final String bytes;

  private Utf8Variants(String bytes) {
    this.bytes = bytes;
  }

  /// The text of bytes (as characters 00 to FF), or null where they are not UTF-8.
  static String decode(String bytes) {
    boolean variants = bytes.indexOf('\u00ED') >= 0 || bytes.indexOf('\u00C0') >= 0;
    return variants ? new Utf8Variants(bytes).decodeVariants() : decodeStrictly(bytes);
  }

  private static String decodeStrictly(String bytes) {
    var decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    try {
      byte[] raw = bytes.getBytes(StandardCharsets.ISO_8859_1);
      return decoder.decode(ByteBuffer.wrap(raw)).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }

  private String decodeVariants() {
    var text = new StringBuilder(bytes.length());
    int position = 0;
    while (position < bytes.length()) {
      int special = position;
      while (special < bytes.length() && !isNull(special) && !isSurrogate(special)) {
        special++;
      }
      if (special > position) {
        String plain = decodeStrictly(bytes.substring(position, special));
        if (plain == null) {
          return null;
        }
        text.append(plain);
        position = special;
      } else if (isNull(position) && position + 1 < bytes.length()) {
        text.append('\0');
        position += 2;
      } else if (isSurrogatePair(position)) {
        text.appendCodePoint(surrogatePair(position));
        position += 6;
      } else {
        return null;
      }
    }
    return text.toString();
  }

  /// Whether the text is over here, or holds one line feed more.
  private boolean isEnd(int position) {
    return position == bytes.length()
        || (position == bytes.length() - 1 && bytes.charAt(position) == '\n');
  }

  private boolean isIn(int position, int first, int last) {
    return position < bytes.length()
        && bytes.charAt(position) >= first
        && bytes.charAt(position) <= last;
  }

  private boolean isNull(int position) {
    return bytes.charAt(position) == 0xC0
        && (isIn(position + 1, 0x80, 0x80) || isEnd(position + 1));
  }

  /// Whether a surrogate of either half starts here, possibly cut short by the end.
  private boolean isSurrogate(int position) {
    if (bytes.charAt(position) != 0xED) {
      return false;
    }
    return isEnd(position + 1)
        || (isIn(position + 1, 0xA0, 0xBF)
            && (isEnd(position + 2) || isIn(position + 2, 0x80, 0xBF)));
  }

  private boolean isSurrogatePair(int position) {
    return position + 6 <= bytes.length()
        && isIn(position, 0xED, 0xED)
        && isIn(position + 1, 0xA0, 0xAF)
        && isIn(position + 2, 0x80, 0xBF)
        && isIn(position + 3, 0xED, 0xED)
        && isIn(position + 4, 0xB0, 0xBF)
        && (isIn(position + 5, 0x80, 0xBF) || isEnd(position + 5));
  }

  private int surrogatePair(int position) {
    int codePoint = (bytes.charAt(position + 1) & 0x0F) << 16;
    codePoint += (bytes.charAt(position + 2) & 0x3F) << 10;
    codePoint += (bytes.charAt(position + 4) & 0x0F) << 6;
    return 0x10000 + codePoint + (bytes.charAt(position + 5) & 0x3F);
  }
}
