package wan4j.model;

/// Orthogonal columns of a matrix, as LAPACK's QR factorisation makes them (`geqrf` and `orgqr`).
final class Orthogonal {
  private Orthogonal() {}

  /// Returns the factor Q `[rows, columns]` of a matrix `[rows, columns]` with at least as many
  /// rows, computed in float64 by Householder reflections: each turns a column onto the axis of its
  /// index, away from the sign that the element there has, so R may have a negative diagonal.
  static float[] columns(float[] matrix, int rows, int columns) {
    if (rows < columns || matrix.length != rows * columns) {
      throw new IllegalArgumentException(
          "got %d elements for %d x %d, expected at least as many rows as columns"
              .formatted(matrix.length, rows, columns));
    }
    double[][] reflections = new double[columns][];
    double[] work = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      work[i] = matrix[i];
    }
    for (int j = 0; j < columns; j++) {
      reflections[j] = reflection(work, rows, columns, j);
      for (int k = j; k < columns; k++) {
        reflect(work, reflections[j], rows, columns, j, k);
      }
    }
    double[] orthogonal = new double[matrix.length]; // the reflections, last first, of unit columns
    for (int j = 0; j < columns; j++) {
      orthogonal[j * columns + j] = 1;
    }
    for (int j = columns - 1; j >= 0; j--) {
      for (int k = 0; k < columns; k++) {
        reflect(orthogonal, reflections[j], rows, columns, j, k);
      }
    }
    float[] result = new float[matrix.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) orthogonal[i];
    }
    return result;
  }

  /// Returns the unit vector, zero above `j`, whose reflection turns column `j` onto its axis; null
  /// where it lies there already.
  private static double[] reflection(double[] work, int rows, int columns, int j) {
    double squares = 0;
    for (int i = j + 1; i < rows; i++) {
      squares += work[i * columns + j] * work[i * columns + j];
    }
    if (squares == 0) {
      return null;
    }
    double first = work[j * columns + j];
    double target = -Math.copySign(Math.sqrt(squares + first * first), first);
    double[] vector = new double[rows];
    vector[j] = first - target;
    for (int i = j + 1; i < rows; i++) {
      vector[i] = work[i * columns + j];
    }
    double length = Math.sqrt(squares + vector[j] * vector[j]);
    for (int i = j; i < rows; i++) {
      vector[i] /= length;
    }
    return vector;
  }

  private static void reflect(
      double[] work, double[] vector, int rows, int columns, int from, int column) {
    if (vector == null) {
      return;
    }
    double product = 0;
    for (int i = from; i < rows; i++) {
      product += vector[i] * work[i * columns + column];
    }
    for (int i = from; i < rows; i++) {
      work[i * columns + column] -= 2 * product * vector[i];
    }
  }
}
