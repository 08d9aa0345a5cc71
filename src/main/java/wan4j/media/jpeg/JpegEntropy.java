package wan4j.media.jpeg;

/// Reads Huffman codes and bits from the entropy-coded parts of a JPEG file.
final class JpegEntropy {
  /// The codes of one table, as ISO/IEC 10918-1 annex C builds them from counts and symbols.
  static final class Table {
    private static final int FAST = 9;

    private final int[] largest = new int[18];
    private final int[] offset = new int[17];
    private final byte[] symbols;
    private final short[] fast = new short[1 << FAST];

    /// Builds a table from the number of codes of each length 1 to 16 and their symbols; throws
    /// `JpegException` when there are more codes than bits can tell apart.
    Table(int[] counts, byte[] symbols) {
      this.symbols = symbols;
      int code = 0;
      int index = 0;
      for (int length = 1; length <= 16; length++) {
        offset[length] = index - code;
        for (int i = 0; i < counts[length - 1]; i++, index++, code++) {
          if (length <= FAST && code < 1 << length) {
            int first = code << (FAST - length);
            for (int k = 0; k < 1 << (FAST - length); k++) {
              fast[first + k] = (short) (length << 8 | (symbols[index] & 0xFF));
            }
          }
        }
        if (code > 1 << length) {
          throw new JpegException("a code table has too many codes");
        }
        largest[length] = counts[length - 1] == 0 ? -1 : code - 1;
        code <<= 1;
      }
      largest[17] = Integer.MAX_VALUE;
    }
  }

  private final byte[] data;
  private int position;
  private int bits;
  private int count;
  private int padded;

  /// Starts at a position of the file.
  JpegEntropy(byte[] data, int position) {
    this.data = data;
    this.position = position;
  }

  /// Returns where the next marker is looked for.
  int position() {
    return position;
  }

  private void fill() {
    while (count <= 24) {
      int next = position < data.length ? data[position] & 0xFF : 0xFF;
      if (next == 0xFF) {
        int after = position + 1 < data.length ? data[position + 1] & 0xFF : 0xD9;
        if (after == 0) {
          position += 2;
        } else if (after == 0xFF) {
          position++;
          continue;
        } else {
          // A marker or the end of the file: zeros follow, and are counted.
          padded += 8;
          next = 0;
        }
      } else {
        position++;
      }
      bits |= next << (24 - count);
      count += 8;
    }
  }

  /// Says whether more bits were read than the file holds before its next marker.
  boolean isOverrun() {
    return padded > count;
  }

  /// Returns the next `length` bits, at most 16, as an unsigned number.
  int bits(int length) {
    if (length == 0) {
      return 0;
    }
    fill();
    int value = bits >>> (32 - length);
    bits <<= length;
    count -= length;
    return value;
  }

  /// Returns the next bit.
  boolean bit() {
    return bits(1) != 0;
  }

  /// Returns the next `length` bits as the signed number that a JPEG means by them.
  int signed(int length) {
    int value = bits(length);
    return length == 0 || value >= 1 << (length - 1) ? value : value - (1 << length) + 1;
  }

  /// Returns the next symbol; throws `JpegException` for a code that the table lacks.
  int symbol(Table table) {
    fill();
    int quick = table.fast[bits >>> (32 - Table.FAST)];
    if (quick != 0) {
      int length = quick >> 8;
      bits <<= length;
      count -= length;
      return quick & 0xFF;
    }
    for (int length = 1; length <= 16; length++) {
      int code = bits >>> (32 - length);
      if (code <= table.largest[length]) {
        bits <<= length;
        count -= length;
        return table.symbols[table.offset[length] + code] & 0xFF;
      }
    }
    throw new JpegException("its compressed pixels are damaged");
  }

  /// Forgets the bits of the current byte and passes a restart marker if one follows.
  void restart() {
    bits = 0;
    count = 0;
    padded = 0;
    while (position + 1 < data.length && (data[position] & 0xFF) == 0xFF) {
      int marker = data[position + 1] & 0xFF;
      if (marker == 0xFF) {
        position++;
      } else if (marker >= 0xD0 && marker <= 0xD7) {
        position += 2;
        return;
      } else {
        break;
      }
    }
    throw new JpegException("a restart mark is missing");
  }
}
