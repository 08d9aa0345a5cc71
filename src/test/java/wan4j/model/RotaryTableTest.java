package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import wan4j.golden.GoldenCase;
import wan4j.model.RotaryTable.Axis;
import wan4j.model.RotaryTable.Grid;
import wan4j.verify.Comparison;

final class RotaryTableTest {
  @Test
  void gridsFollowEachOtherAsInTheReference() {
    GoldenCase rope = GoldenCase.of("", "s2v-mod-rope");
    JsonNode config = rope.json().path("config");
    List<Grid> grids =
        StreamSupport.stream(config.path("grids_start_end_range").spliterator(), false)
            .map(grid -> new Grid(axis(grid, 0), axis(grid, 1), axis(grid, 2)))
            .toList();
    assertThat(
            Comparison.relative(
                "freqs",
                RotaryTable.of(grids, config.path("head_dim").asInt()),
                rope.tensor("out.freqs"),
                1e-6))
        .matches(Comparison::passes);
  }

  private static Axis axis(JsonNode grid, int axis) {
    int start = grid.path(0).path(axis).asInt();
    return new Axis(
        start, grid.path(1).path(axis).asInt() - start, grid.path(2).path(axis).asInt());
  }

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
