package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.model.RotaryTable;
import wan4j.model.RotaryTable.Axis;
import wan4j.model.RotaryTable.Grid;

/// The rotary table of tokens in several grids; how pairs are turned by it, other cases tell.
final class RotaryCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    List<Grid> grids = new ArrayList<>();
    for (JsonNode grid : config.path("grids_start_end_range")) {
      grids.add(new Grid(axis(grid, 0), axis(grid, 1), axis(grid, 2)));
    }
    return List.of(
        Comparison.relative(
            "out.freqs",
            RotaryTable.of(grids, config.path("head_dim").asInt()),
            reference.tensor("out.freqs"),
            reference.tolerance("out.freqs")));
  }

  private static Axis axis(JsonNode grid, int axis) {
    int start = grid.path(0).path(axis).asInt();
    return new Axis(
        start, grid.path(1).path(axis).asInt() - start, grid.path(2).path(axis).asInt());
  }
}
