package wan4j.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A single-byte encoding that text may have been misread in. Bytes are kept as strings of
/// characters 00 to FF, so that regular expressions work on them.
///
/// The Windows encodings are permissive, after rspeer/python-ftfy, commit 74dd045,
/// ftfy/bad_codecs/sloppy.py: unassigned bytes stand for the character of the same number, and byte
/// 1A for U+FFFD.
final class SingleByteEncoding {
  /// All encodings in the order in which they are tried.
  static final List<SingleByteEncoding> ALL;

  private static final String WINDOWS_1252;

  static {
    var tables = new LinkedHashMap<String, StringBuilder>();
    var latin1 = new StringBuilder();
    for (int b = 0x80; b < 0x100; b++) {
      latin1.append((char) b);
    }
    tables.put("latin-1", latin1);
    for (String line : TextResource.lines("single-byte-encodings.txt")) {
      String[] words = line.split(" ");
      StringBuilder table = tables.computeIfAbsent(words[0], name -> new StringBuilder());
      Arrays.stream(words)
          .skip(1)
          .forEach(word -> table.append((char) HexFormat.fromHexDigits(word)));
    }
    var all = new ArrayList<SingleByteEncoding>();
    tables.forEach((name, table) -> all.add(new SingleByteEncoding(name, table.toString())));
    ALL = List.copyOf(all);
    WINDOWS_1252 = tables.get("windows-1252").toString();
  }

  private final String name;
  private final Map<Character, Character> bytes = new HashMap<>();

  private SingleByteEncoding(String name, String upperHalf) {
    this.name = name;
    for (char b = 0; b < 0x80; b++) {
      bytes.put(b, b);
    }
    if (isPermissive()) {
      bytes.remove('\u001A');
      bytes.put('\uFFFD', '\u001A');
    }
    for (int i = 0; i < upperHalf.length(); i++) {
      bytes.put(upperHalf.charAt(i), (char) (0x80 + i));
    }
  }

  /// Whether byte 1A stands for a character that was lost.
  boolean isPermissive() {
    return name.startsWith("windows-");
  }

  /// Whether an en dash and a space may be mistaken for UTF-8 in this encoding.
  boolean isMacRoman() {
    return name.equals("macroman");
  }

  /// The bytes of a text, or null if it has characters that this encoding lacks.
  String encode(String text) {
    var encoded = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      Character b = bytes.get(text.charAt(i));
      if (b == null) {
        return null;
      }
      encoded.append(b.charValue());
    }
    return encoded.toString();
  }

  /// The text with the control characters 80 to 9F read as Windows-1252, as browsers do.
  static String windowsControls(String text) {
    var read = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char character = text.charAt(i);
      boolean control = character >= 0x80 && character <= 0x9F;
      read.append(control ? WINDOWS_1252.charAt(character - 0x80) : character);
    }
    return read.toString();
  }
}
