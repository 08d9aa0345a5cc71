package wan4j.cache;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import wan4j.ops.Ops;
import wan4j.ops.RowStatistics;
import wan4j.quant.Branch;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Computes every forward and measures how the residual of the blocks changes from step to step, so
/// that MagCache can be used with any model.
public final class MagCacheCalibration implements StepCache {
  /// The residuals of the latest forward of a branch and of the one before.
  private static final class Measured {
    private Tensor latest;
    private Tensor previous;
    private boolean isKept;
    private final SortedMap<Integer, RowStatistics> statistics = new TreeMap<>();

    Measured(Ops ops, long tokens, long dim) {
      latest = ops.empty(ops.residual(), tokens, dim);
      previous = ops.empty(ops.residual(), tokens, dim);
    }
  }

  private final Map<Branch, Measured> branches = new EnumMap<>(Branch.class);

  /// Creates a calibration for one run over `tokens` tokens; its tensors live in the innermost
  /// scope.
  public MagCacheCalibration(Ops ops, long tokens, long dim) {
    for (Branch branch : Branch.values()) {
      branches.put(branch, new Measured(ops, tokens, dim));
    }
  }

  @Override
  public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
    Measured measured = branches.get(branch);
    Tensor current = measured.previous;
    measured.previous = measured.latest;
    measured.latest = current;
    ops.linearCombination(current, new double[] {-1}, List.of(tokens));
    blocks.run();
    ops.linearCombination(current, new double[] {1, 1}, List.of(current, tokens));
    if (measured.isKept) {
      measured.statistics.put(step, ops.compareRows(current, measured.previous));
    }
    measured.isKept = true;
  }

  @Override
  public int skipped() {
    return 0;
  }

  /// Writes the measured ratios to a JSON file that `MagnitudeRatios.read` takes, under the name of
  /// the model; throws `InputException` when the run had fewer than two steps or the file cannot be
  /// written.
  public void write(Path file, String model) {
    var conditional = branches.get(Branch.CONDITIONAL).statistics;
    var unconditional = branches.get(Branch.UNCONDITIONAL).statistics;
    if (conditional.isEmpty()) {
      throw new InputException(
          "--magcache_calibration got a run of 1 step; it compares steps, so give --sample_steps 2"
              + " or more");
    }
    List<RowStatistics> interleaved = new ArrayList<>();
    conditional.forEach((step, statistics) -> {
      interleaved.add(statistics);
      // steps without guidance have no second forward; its ratios would be close to the first's
      interleaved.add(unconditional.getOrDefault(step, statistics));
    });
    MagnitudeRatios.write(file, model, interleaved);
  }
}
