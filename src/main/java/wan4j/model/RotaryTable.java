package wan4j.model;

import java.util.List;
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

  /// Where the tokens of a grid lie on an axis: `count` of them over `range` positions from `start`
  /// on, evenly and truncated to whole positions. A negative start is counted away from zero, and
  /// turned the other way (wan/modules/s2v/s2v_utils.py, `rope_precompute`).
  ///
  /// @param start the first position; negative for frames before the video
  /// @param count how many tokens, at least 1
  /// @param range over how many positions; `count` for every one
  public record Axis(int start, int count, int range) {
    /// Returns every position from a start on.
    public static Axis of(int start, int count) {
      return new Axis(start, count, count);
    }

    /// Returns the signed position of a token.
    int position(int index) {
      int first = Math.abs(start);
      int last = start < 0 ? first - range + 1 : first + range - 1;
      // as NumPy's linspace has it, whose last value is exact
      boolean isLast = index > 0 && index == count - 1;
      double step = (double) (last - first) / Math.max(1, count - 1);
      int position = isLast ? last : (int) (first + step * index);
      return start < 0 ? -position : position;
    }
  }

  /// A box of tokens that follow each other by frame, row and column.
  public record Grid(Axis frames, Axis rows, Axis columns) {
    /// Returns the number of tokens.
    public int tokens() {
      return Math.multiplyExact(frames.count * rows.count, columns.count);
    }
  }

  /// Returns the table of one grid whose tokens have every position from 0 on, as [#of(List, int)]
  /// does.
  public static Tensor of(int frames, int rows, int columns, int headSize) {
    Grid grid = new Grid(Axis.of(0, frames), Axis.of(0, rows), Axis.of(0, columns));
    return of(List.of(grid), headSize);
  }

  /// Returns the cosine and sine of every pair's angle as float32 `[tokens of all grids, head
  /// size]`, computed in float64 when it is first read. A head's pairs are divided among frame, row
  /// and column; each axis has its own ladder of frequencies.
  public static Tensor of(List<Grid> grids, int headSize) {
    int tokens = grids.stream().mapToInt(Grid::tokens).reduce(0, Math::addExact);
    return Tensor.deferred(
        DType.F32, Shape.of(tokens, headSize), () -> table(List.copyOf(grids), tokens, headSize));
  }

  private static Tensor table(List<Grid> grids, int tokens, int headSize) {
    float[] table = new float[Math.multiplyExact(tokens, headSize)];
    int first = 0;
    for (Grid grid : grids) {
      fill(grid, headSize, table, first);
      first += grid.tokens() * headSize;
    }
    return Tensor.of(table, tokens, headSize);
  }

  private static void fill(Grid grid, int headSize, float[] table, int first) {
    int pairs = headSize / 2;
    int spatial = pairs / 3;
    int temporal = pairs - 2 * spatial;
    float[][] frameAngles = angles(grid.frames, temporal);
    float[][] rowAngles = angles(grid.rows, spatial);
    float[][] columnAngles = angles(grid.columns, spatial);
    int rows = grid.rows.count;
    int columns = grid.columns.count;
    IntStream.range(0, grid.frames.count * rows)
        .parallel()
        .forEach(line -> {
          for (int column = 0; column < columns; column++) {
            int at = first + (line * columns + column) * headSize;
            System.arraycopy(frameAngles[line / rows], 0, table, at, 2 * temporal);
            System.arraycopy(rowAngles[line % rows], 0, table, at + 2 * temporal, 2 * spatial);
            System.arraycopy(
                columnAngles[column], 0, table, at + 2 * (temporal + spatial), 2 * spatial);
          }
        });
  }

  private static float[][] angles(Axis axis, int pairs) {
    float[][] table = new float[axis.count][2 * pairs];
    for (int i = 0; i < axis.count; i++) {
      for (int pair = 0; pair < pairs; pair++) {
        double angle = axis.position(i) / Math.pow(BASE, 2.0 * pair / (2.0 * pairs));
        table[i][2 * pair] = (float) Math.cos(angle);
        table[i][2 * pair + 1] = (float) Math.sin(angle);
      }
    }
    return table;
  }
}
