package wan4j.media;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.text.Bidi;
import java.text.Normalizer;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/// Letters for captions: those of GNU Unifont 15.0.01 (unifoundry.com/unifont, SIL Open Font
/// License 1.1), dots in cells 16 high and 8 or 16 wide, for every script of Unicode's basic plane;
/// letters are not joined.
final class CaptionLetters {
  /// Dots of a letter's height.
  static final int HEIGHT = 16;

  private static final String FILE = "unifont-15.0.01.hex.gz";
  private static final char REPLACEMENT = '\uFFFD';
  private static final int BYTES_OF_NARROW = 16;

  private final Map<Character, byte[]> letters;

  private CaptionLetters(Map<Character, byte[]> letters) {
    this.letters = letters;
  }

  /// Reads the letters that some lines need; a line is `String inOrder`'s.
  static CaptionLetters of(Collection<String> lines) {
    BitSet wanted = new BitSet();
    wanted.set(REPLACEMENT);
    lines.forEach(line -> line.chars().forEach(wanted::set));
    Map<Character, byte[]> letters = new HashMap<>();
    try (InputStream file = CaptionLetters.class.getResourceAsStream(FILE);
        BufferedReader reader =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(file), StandardCharsets.US_ASCII))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        int colon = line.indexOf(':');
        int code = HexFormat.fromHexDigits(line, 0, colon);
        if (wanted.get(code)) {
          letters.put((char) code, HexFormat.of().parseHex(line, colon + 1, line.length()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the letters of captions cannot be read", e);
    }
    return new CaptionLetters(letters);
  }

  /// Returns a text as letters from left to right: composed, what runs from right to left turned,
  /// and U+FFFD for what lies beyond the basic plane.
  static String inOrder(String text) {
    StringBuilder plain = new StringBuilder();
    Normalizer.normalize(text, Normalizer.Form.NFC)
        .codePoints()
        .forEach(code -> plain.append(Character.isBmpCodePoint(code) ? (char) code : REPLACEMENT));
    int length = plain.length();
    Bidi bidi = new Bidi(plain.toString(), Bidi.DIRECTION_DEFAULT_LEFT_TO_RIGHT);
    if (bidi.isLeftToRight()) {
      return plain.toString();
    }
    byte[] levels = new byte[length];
    Character[] order = new Character[length];
    for (int i = 0; i < length; i++) {
      levels[i] = (byte) bidi.getLevelAt(i);
      order[i] = plain.charAt(i);
    }
    Bidi.reorderVisually(levels, 0, order, 0, length);
    StringBuilder ordered = new StringBuilder();
    for (Character letter : order) {
      ordered.append(letter);
    }
    return ordered.toString();
  }

  /// Returns the dots of a letter's cell in width.
  int width(char letter) {
    return dots(letter).length == BYTES_OF_NARROW ? 8 : 16;
  }

  /// Says whether the letter is drawn over the one before it.
  static boolean isMark(char letter) {
    int type = Character.getType(letter);
    return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK;
  }

  /// Says whether a dot of a letter's cell has ink.
  boolean hasInk(char letter, int x, int y) {
    byte[] dots = dots(letter);
    int bytes = dots.length / HEIGHT;
    return (dots[y * bytes + x / 8] >> (7 - x % 8) & 1) != 0;
  }

  private byte[] dots(char letter) {
    return letters.getOrDefault(letter, letters.get(REPLACEMENT));
  }
}
