package wan4j.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import wan4j.tensor.InputException;

/// SentencePiece's compiled normalisation: a double-array trie from UTF-8 to replacement texts,
/// looked up as the HuggingFace tokenizers library does, not as SentencePiece itself.
final class PrecompiledCharsmap {
  private static final Pattern GRAPHEME = Pattern.compile("\\X");

  // Longer graphemes (in UTF-8 bytes) are looked up character by character only.
  private static final int LONGEST_GRAPHEME = 5;

  private final int[] units;
  private final byte[] texts;

  private PrecompiledCharsmap(int[] units, byte[] texts) {
    this.units = units;
    this.texts = texts;
  }

  /// Reads a compiled map: the trie's size in bytes, the trie, texts that end in a zero byte.
  static PrecompiledCharsmap read(byte[] bytes, String file) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int size = bytes.length < 4 ? -1 : buffer.getInt();
    if (size < 4 || size % 4 != 0 || size > buffer.remaining()) {
      throw new InputException(
          "the character map in "
              + file
              + " has "
              + bytes.length
              + " bytes and names a trie of "
              + size
              + ", expected a trie that fits; download the tokenizer again");
    }
    int[] units = new int[size / 4];
    buffer.asIntBuffer().get(units);
    byte[] texts = new byte[buffer.remaining() - size];
    buffer.position(4 + size).get(texts);
    return new PrecompiledCharsmap(units, texts);
  }

  /// The text with every grapheme, or else every character, replaced by what the map has for it.
  String normalize(String text) {
    var normalized = new StringBuilder(text.length());
    var graphemes = GRAPHEME.matcher(text);
    while (graphemes.find()) {
      String grapheme = graphemes.group();
      byte[] bytes = grapheme.getBytes(StandardCharsets.UTF_8);
      // Any prefix of a short grapheme that the map knows stands for the whole of it.
      String replacement = bytes.length <= LONGEST_GRAPHEME ? lookUp(bytes) : null;
      if (replacement != null) {
        normalized.append(replacement);
      } else {
        grapheme.codePoints().forEach(codePoint -> append(codePoint, normalized));
      }
    }
    return normalized.toString();
  }

  private void append(int codePoint, StringBuilder normalized) {
    String character = Character.toString(codePoint);
    String replacement = lookUp(character.getBytes(StandardCharsets.UTF_8));
    normalized.append(replacement == null ? character : replacement);
  }

  /// The text for the shortest prefix that the trie knows, or null.
  private String lookUp(byte[] key) {
    int node = offset(units[0]);
    for (byte b : key) {
      int label = b & 0xFF;
      node ^= label;
      if (label == 0 || node >= units.length || (units[node] & 0x800000FF) != label) {
        return null;
      }
      int unit = units[node];
      node ^= offset(unit);
      if ((unit >>> 8 & 1) == 1) {
        return node < units.length ? text(units[node] & 0x7FFFFFFF) : null;
      }
    }
    return null;
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & 0x200) >>> 6);
  }

  private String text(int start) {
    int end = start;
    while (end < texts.length && texts[end] != 0) {
      end++;
    }
    return start < end ? new String(texts, start, end - start, StandardCharsets.UTF_8) : "";
  }
}
