package wan4j.cuda;

import wan4j.ops.RowStatistics;

/// Statistics of rows from their squared lengths and products, summed in the rows' order.
final class RowComparison {
  private static final double SMALLEST_LENGTH = 1e-8; // as PyTorch's cosine_similarity

  private RowComparison() {}

  /// Returns the statistics of `[rows, 3]` numbers: squared lengths of the current and the previous
  /// row, and their product.
  static RowStatistics of(float[] sums) {
    int rows = sums.length / 3;
    double[] ratios = new double[rows];
    double sum = 0;
    double distance = 0;
    for (int row = 0; row < rows; row++) {
      double length = Math.sqrt(sums[3 * row]);
      double previous = Math.sqrt(sums[3 * row + 1]);
      ratios[row] = length / previous;
      sum += ratios[row];
      double lengths = Math.max(length, SMALLEST_LENGTH) * Math.max(previous, SMALLEST_LENGTH);
      distance += 1 - sums[3 * row + 2] / lengths;
    }
    double mean = sum / rows;
    double squares = 0;
    for (double ratio : ratios) {
      squares += (ratio - mean) * (ratio - mean);
    }
    double deviation = rows == 1 ? 0 : Math.sqrt(squares / (rows - 1));
    return new RowStatistics(mean, deviation, distance / rows);
  }
}
