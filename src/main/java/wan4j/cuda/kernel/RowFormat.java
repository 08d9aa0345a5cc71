package wan4j.cuda.kernel;

/// How a kernel writes rows, by the numbers of fp8.cuh.
enum RowFormat {
  /// As they are, in the output's type.
  PLAIN(0),
  /// As they are, and the largest magnitudes noted, of each row or, in attention, each warp.
  NOTED(1),
  /// E4M3 with a scale a row.
  TOKEN(2),
  /// E4M3 with a power-of-two scale for each 1 x 128 piece.
  BLOCK(3),
  /// E4M3 with a known scale, and the largest magnitudes noted.
  DELAYED(4);

  private final int number;

  RowFormat(int number) {
    this.number = number;
  }

  /// Returns the number.
  int number() {
    return number;
  }
}
