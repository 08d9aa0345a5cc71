package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import wan4j.model.RotaryTable.Axis;

final class RotaryTableTest {
  @Test
  void positionsAreSpreadAndTruncated() {
    assertThat(positions(new Axis(-19, 4, 16))).containsExactly(-19, -14, -9, -4);
    assertThat(positions(new Axis(-3, 1, 2))).containsExactly(-3);
    assertThat(positions(new Axis(0, 3, 10))).containsExactly(0, 4, 9);
    assertThat(positions(Axis.of(30, 2))).containsExactly(30, 31);
  }

  private static int[] positions(Axis axis) {
    return IntStream.range(0, axis.count()).map(axis::position).toArray();
  }
}
