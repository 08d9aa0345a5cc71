package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class OrthogonalTest {
  /// What `numpy.linalg.qr` gives for the matrix of 1 to 6.
  @Test
  void signsAreThoseOfLapack() {
    float[] q = Orthogonal.columns(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
    double[] expected = {
      -0.16903085, 0.89708523, -0.50709255, 0.27602622, -0.84515425, -0.34503278
    };
    for (int i = 0; i < q.length; i++) {
      assertThat((double) q[i]).isCloseTo(expected[i], within(1e-6));
    }
  }

  @Test
  void aColumnThatIsAnAxisStays() {
    assertThat(Orthogonal.columns(new float[] {2, 0, 0, 3}, 2, 2)).containsExactly(1, 0, 0, 1);
    assertThat(Orthogonal.columns(new float[] {0, 0, 0, 0, 0, 0}, 3, 2))
        .containsExactly(1, 0, 0, 1, 0, 0);
  }

  @Test
  void columnsAreOrthonormalAndSpanTheSame() {
    int rows = 64;
    int columns = 20;
    Random random = new Random(1);
    float[] matrix = new float[rows * columns];
    for (int i = 0; i < matrix.length; i++) {
      matrix[i] = (float) random.nextGaussian();
    }
    float[] q = Orthogonal.columns(matrix, rows, columns);
    for (int a = 0; a < columns; a++) {
      for (int b = 0; b < columns; b++) {
        assertThat(product(q, a, q, b, columns)).isCloseTo(a == b ? 1 : 0, within(1e-6));
        if (a > b) { // column b is a sum of the first b + 1 of Q
          assertThat(product(q, a, matrix, b, columns)).isCloseTo(0, within(1e-5));
        }
      }
    }
  }

  private static double product(float[] first, int a, float[] second, int b, int columns) {
    double sum = 0;
    for (int row = 0; row < first.length / columns; row++) {
      sum += first[row * columns + a] * second[row * columns + b];
    }
    return sum;
  }

  @Test
  void aWideMatrixIsRefused() {
    assertThatThrownBy(() -> Orthogonal.columns(new float[6], 2, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 x 3");
  }
}
