package wan4j.media.jpeg;

import java.util.List;

/// Reads one scan of a lossless JPEG file: the differences of its values to what their neighbours
/// foretell (ISO/IEC 10918-1, annex H).
final class JpegLossless {
  private final JpegEntropy entropy;
  private final List<JpegComponent> components;
  private final int predictor;
  private final int shift;

  /// Describes a scan of values that are predicted by `predictor`, 1 to 7, and whose `shift` lowest
  /// bits were left out.
  JpegLossless(JpegEntropy entropy, List<JpegComponent> components, int predictor, int shift) {
    this.entropy = entropy;
    this.components = components;
    this.predictor = predictor;
    this.shift = shift;
    if (predictor < 1 || predictor > 7 || shift > 7) {
      throw new JpegException("a scan asks for what JPEG does not have");
    }
  }

  /// Reads all values of the scan, with a restart after every `interval` of them if that is not 0.
  void read(JpegComponent.JpegSize size, int interval) {
    int width = size.width();
    if (interval % width != 0) {
      throw new JpegException("its restarts lie within rows");
    }
    int rows = interval / width;
    int[][] above = new int[components.size()][width];
    boolean isFirst = true;
    for (int y = 0; y < size.height(); y++) {
      if (rows > 0 && y > 0 && y % rows == 0) {
        checkEnd();
        entropy.restart();
        isFirst = true;
      }
      row(y, width, above, isFirst);
      isFirst = false;
      checkEnd();
    }
  }

  private void checkEnd() {
    if (entropy.isOverrun()) {
      throw new JpegException("it holds fewer pixels than its header says");
    }
  }

  /// Reads a row of all components; `above` holds the row before, and this one afterwards.
  private void row(int y, int width, int[][] above, boolean isFirst) {
    int[] left = new int[above.length];
    int[] corner = new int[above.length];
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < above.length; c++) {
        JpegComponent component = components.get(c);
        int up = above[c][x];
        int expected;
        if (isFirst) {
          expected = x == 0 ? 1 << (7 - shift) : left[c];
        } else {
          expected = x == 0 ? up : expected(left[c], up, corner[c]);
        }
        int length = entropy.symbol(JpegScan.needed(component.direct));
        if (length > 16) {
          throw new JpegException("its compressed pixels are damaged");
        }
        int value = expected + (length == 16 ? 1 << 15 : entropy.signed(length)) & 0xFFFF;
        component.values[y * width + x] = (byte) (value << shift);
        corner[c] = up;
        left[c] = value;
        above[c][x] = value;
      }
    }
  }

  private int expected(int left, int up, int corner) {
    return switch (predictor) {
      case 1 -> left;
      case 2 -> up;
      case 3 -> corner;
      case 4 -> left + up - corner;
      case 5 -> left + ((up - corner) >> 1);
      case 6 -> up + ((left - corner) >> 1);
      default -> (left + up) >> 1;
    };
  }
}
