package wan4j.media.jpeg;

import java.util.Arrays;
import java.util.stream.IntStream;
import wan4j.media.picture.Plane;

/// One component of a JPEG picture: luma, a chroma, or a colour; its coefficients until they become
/// values.
final class JpegComponent {
  /// No scan has sent any bit of a coefficient.
  static final int UNKNOWN = -1;

  final int id;
  final int horizontal;
  final int vertical;
  final int quantiser;
  final int width;
  final int height;
  final int blocksAcross;
  final int blocksDown;

  /// The coefficients of all blocks, those that interleaved parts add at the edges included; none
  /// in a lossless file.
  final short[] coefficients;

  /// The values of a lossless file; else none.
  final byte[] values;

  final int stride;

  /// How many low bits of each coefficient, in zigzag order, no scan has sent yet, or `UNKNOWN`.
  final int[] missingBits = new int[64];

  /// The factors of the coefficients, latched when the component's first scan begins.
  int[] factors;

  int predictor;
  JpegEntropy.Table direct;
  JpegEntropy.Table alternating;

  /// Creates a component of a picture whose largest sampling factors are given.
  JpegComponent(
      int id, int horizontal, int vertical, int quantiser, JpegSize picture, boolean isLossless) {
    this.id = id;
    this.horizontal = horizontal;
    this.vertical = vertical;
    this.quantiser = quantiser;
    width = Math.ceilDiv(picture.width() * horizontal, picture.horizontal());
    height = Math.ceilDiv(picture.height() * vertical, picture.vertical());
    blocksAcross = Math.ceilDiv(width, 8);
    blocksDown = Math.ceilDiv(height, 8);
    stride = picture.unitsAcross() * horizontal;
    coefficients =
        new short[isLossless ? 0 : Math.multiplyExact(stride * picture.unitsDown() * vertical, 64)];
    values = new byte[isLossless ? width * height : 0];
    Arrays.fill(missingBits, UNKNOWN);
  }

  /// The size of a picture in pixels and its largest sampling factors.
  record JpegSize(int width, int height, int horizontal, int vertical) {
    int pixels() {
      return width * height;
    }

    int unitsAcross() {
      return Math.ceilDiv(width, 8 * horizontal);
    }

    int unitsDown() {
      return Math.ceilDiv(height, 8 * vertical);
    }
  }

  /// Returns where a block's coefficients begin.
  int block(int x, int y) {
    return (y * stride + x) * 64;
  }

  /// Returns the number of blocks, those at the edges included.
  int blocks() {
    return coefficients.length / 64;
  }

  /// Turns the coefficients into values, through estimates of those that are missing where
  /// `smoothing` is not null.
  Plane plane(JpegSmoothing smoothing) {
    byte[] plane = new byte[width * height];
    IntStream.range(0, blocksDown)
        .parallel()
        .forEach(y -> {
          int[] block = new int[64];
          short[] estimated = new short[64];
          for (int x = 0; x < blocksAcross; x++) {
            if (smoothing == null) {
              JpegTransform.inverse(coefficients, block(x, y), factors, block);
            } else {
              smoothing.read(x, y, estimated);
              JpegTransform.inverse(estimated, 0, factors, block);
            }
            int rows = Math.min(8, height - y * 8);
            int columns = Math.min(8, width - x * 8);
            for (int v = 0; v < rows; v++) {
              for (int u = 0; u < columns; u++) {
                plane[(y * 8 + v) * width + x * 8 + u] = (byte) block[v * 8 + u];
              }
            }
          }
        });
    return new Plane(width, height, plane);
  }
}
