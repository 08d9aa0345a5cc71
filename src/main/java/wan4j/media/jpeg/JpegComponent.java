package wan4j.media.jpeg;

import java.util.stream.IntStream;
import wan4j.media.picture.Plane;

/// One component of a JPEG picture: luma, a chroma, or a colour; its coefficients until they become
/// values.
final class JpegComponent {
  final int id;
  final int horizontal;
  final int vertical;
  final int quantiser;
  final int width;
  final int height;
  final int blocksAcross;
  final int blocksDown;

  /// The coefficients of all blocks, those that interleaved parts add at the edges included.
  final short[] coefficients;

  final int stride;

  /// The factors of the coefficients, latched when the component's first scan begins.
  int[] factors;

  int predictor;
  JpegEntropy.Table direct;
  JpegEntropy.Table alternating;

  /// Creates a component of a picture whose largest sampling factors are given.
  JpegComponent(int id, int horizontal, int vertical, int quantiser, JpegSize picture) {
    this.id = id;
    this.horizontal = horizontal;
    this.vertical = vertical;
    this.quantiser = quantiser;
    width = Math.ceilDiv(picture.width() * horizontal, picture.horizontal());
    height = Math.ceilDiv(picture.height() * vertical, picture.vertical());
    blocksAcross = Math.ceilDiv(width, 8);
    blocksDown = Math.ceilDiv(height, 8);
    stride = picture.unitsAcross() * horizontal;
    coefficients = new short[Math.multiplyExact(stride * picture.unitsDown() * vertical, 64)];
  }

  /// The size of a picture in pixels and its largest sampling factors.
  record JpegSize(int width, int height, int horizontal, int vertical) {
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

  /// Turns the coefficients into values.
  Plane plane() {
    byte[] values = new byte[width * height];
    IntStream.range(0, blocksDown)
        .parallel()
        .forEach(y -> {
          int[] block = new int[64];
          for (int x = 0; x < blocksAcross; x++) {
            JpegTransform.inverse(coefficients, block(x, y), factors, block);
            int rows = Math.min(8, height - y * 8);
            int columns = Math.min(8, width - x * 8);
            for (int v = 0; v < rows; v++) {
              for (int u = 0; u < columns; u++) {
                values[(y * 8 + v) * width + x * 8 + u] = (byte) block[v * 8 + u];
              }
            }
          }
        });
    return new Plane(width, height, values);
  }
}
