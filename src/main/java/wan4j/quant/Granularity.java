package wan4j.quant;

/// Which elements of a matrix share one FP8 scale.
public enum Granularity {
  /// All of them: one scale.
  TENSOR,
  /// Those of a row: `[rows]` scales.
  ROW,
  /// Those of a 1 x 128 piece: `[rows, ceil(columns / 128)]` scales.
  BLOCK_1X128,
  /// Those of a 128 x 128 piece: `[ceil(rows / 128), ceil(columns / 128)]` scales.
  BLOCK_128X128;

  /// The side of a block.
  public static final int BLOCK = 128;

  /// Returns the number of rows that share a scale in a matrix of that many rows.
  int rowsOfGroup(int rows) {
    return switch (this) {
      case TENSOR -> Math.max(rows, 1);
      case ROW, BLOCK_1X128 -> 1;
      case BLOCK_128X128 -> BLOCK;
    };
  }

  /// Returns the number of columns that share a scale in a matrix of that many columns.
  int columnsOfGroup(int columns) {
    return switch (this) {
      case TENSOR, ROW -> Math.max(columns, 1);
      case BLOCK_1X128, BLOCK_128X128 -> BLOCK;
    };
  }

  /// Returns the shape of the scales of a matrix `[rows, columns]`.
  public long[] scaleSizes(int rows, int columns) {
    int down = Math.ceilDiv(rows, rowsOfGroup(rows));
    int across = Math.ceilDiv(columns, columnsOfGroup(columns));
    return switch (this) {
      case TENSOR -> new long[] {1};
      case ROW -> new long[] {rows};
      case BLOCK_1X128, BLOCK_128X128 -> new long[] {down, across};
    };
  }
}
