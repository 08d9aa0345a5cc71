package wan4j.model;

import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The rotary position embedding of a video's tokens: each pair of a head's elements is turned by
/// an angle that grows with the token's frame, row or column (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/model.py, `rope_apply`).
public final class RotaryTable {
  private static final double BASE = 10000.0;

  private RotaryTable() {}

  /// Returns the cosine and sine of every pair's angle as float32 `[frames rows columns, head
  /// size]`, computed in float64 when it is first read. A head's pairs are divided among frame, row
  /// and column; each axis has its own ladder of frequencies.
  public static Tensor of(int frames, int rows, int columns, int headSize) {
    long tokens = new LatentGrid(frames, rows, columns).tokens();
    return Tensor.deferred(
        DType.F32, Shape.of(tokens, headSize), () -> table(frames, rows, columns, headSize));
  }

  private static Tensor table(int frames, int rows, int columns, int headSize) {
    int pairs = headSize / 2;
    int spatial = pairs / 3;
    int temporal = pairs - 2 * spatial;
    float[][] frameAngles = angles(frames, temporal);
    float[][] rowAngles = angles(rows, spatial);
    float[][] columnAngles = angles(columns, spatial);
    float[] table =
        new float[Math.multiplyExact(new LatentGrid(frames, rows, columns).tokens(), headSize)];
    IntStream.range(0, frames * rows)
        .parallel()
        .forEach(line -> {
          for (int column = 0; column < columns; column++) {
            int at = (line * columns + column) * headSize;
            System.arraycopy(frameAngles[line / rows], 0, table, at, 2 * temporal);
            System.arraycopy(rowAngles[line % rows], 0, table, at + 2 * temporal, 2 * spatial);
            System.arraycopy(
                columnAngles[column], 0, table, at + 2 * (temporal + spatial), 2 * spatial);
          }
        });
    return Tensor.of(table, (long) frames * rows * columns, headSize);
  }

  private static float[][] angles(int positions, int pairs) {
    float[][] table = new float[positions][2 * pairs];
    for (int position = 0; position < positions; position++) {
      for (int pair = 0; pair < pairs; pair++) {
        double angle = position / Math.pow(BASE, 2.0 * pair / (2.0 * pairs));
        table[position][2 * pair] = (float) Math.cos(angle);
        table[position][2 * pair + 1] = (float) Math.sin(angle);
      }
    }
    return table;
  }
}
