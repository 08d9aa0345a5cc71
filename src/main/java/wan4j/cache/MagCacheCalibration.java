package wan4j.cache;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import wan4j.ops.Ops;
import wan4j.ops.RowStatistics;
import wan4j.ops.SavedState;
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

    void save(Ops ops, SavedState state) {
      if (!isKept) {
        return;
      }
      state.put(ops, "latest", latest);
      state.put("steps", statistics.keySet().stream().mapToLong(Integer::longValue).toArray());
      state.put(
          "statistics",
          statistics.values().stream()
              .flatMapToDouble(row ->
                  DoubleStream.of(row.meanRatio(), row.ratioDeviation(), row.cosineDistance()))
              .toArray());
    }

    void restore(Ops ops, SavedState state) {
      isKept = state.has("latest");
      statistics.clear();
      if (!isKept) {
        return;
      }
      state.copy(ops, "latest", latest);
      int count = Math.toIntExact(state.tensor("steps").count());
      long[] steps = state.longs("steps", count);
      double[] values = state.doubles("statistics", 3 * count);
      for (int i = 0; i < count; i++) {
        statistics.put(
            Math.toIntExact(steps[i]),
            new RowStatistics(values[3 * i], values[3 * i + 1], values[3 * i + 2]));
      }
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
  public boolean keepsTokens() {
    return true;
  }

  @Override
  public int skipped() {
    return 0;
  }

  @Override
  public void save(Ops ops, SavedState state) {
    branches.forEach((branch, measured) -> measured.save(ops, state.at(name(branch))));
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    branches.forEach((branch, measured) -> measured.restore(ops, state.at(name(branch))));
  }

  private static String name(Branch branch) {
    return branch.name().toLowerCase(Locale.ROOT);
  }

  /// Writes what was measured to a JSON file that `MagnitudeRatios.read` takes, under the name of
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
