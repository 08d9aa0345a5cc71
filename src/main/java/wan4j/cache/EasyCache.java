package wan4j.cache;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.ops.Scope;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Skips all forwards of a step while the velocity is expected to have changed little since the
/// last computed one, by how much it changed per change of the sample when both were seen last, and
/// adds to the sample what that velocity had beside it (https://arxiv.org/abs/2507.02860).
///
/// Follows H-EmbodVis/EasyCache 3149a41, EasyCache4Wan2.2/easycache_generate.py, and begins anew
/// when another expert takes over, as its form for one model does.
public final class EasyCache implements StepCache {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int NO_NETWORK = -1;

  private final double threshold;
  private final int retained;
  private final Map<Branch, Tensor> velocities = new EnumMap<>(Branch.class); // last computed
  private int network = NO_NETWORK;
  private int first; // step of the network
  private boolean skips; // the present step
  private int skipped;
  private double error;
  private double rate; // change of the velocity per change of the sample, NaN while unknown
  private Tensor sample; // of the present step, in host memory
  private Tensor computedSample; // of the last computed step, null for none

  /// Creates a cache for one run, which holds everything in host memory. The first `retained` steps
  /// of each expert and the last of all are computed; others are not while the accumulated relative
  /// change stays below `threshold`.
  public EasyCache(double threshold, int retained) {
    this.threshold = threshold;
    this.retained = retained;
  }

  @Override
  public boolean skipsStep(Ops ops, int step, int steps, int working, Tensor now) {
    Tensor before = sample;
    sample = ops.download(now);
    if (working != network) {
      begin(step, working);
    }
    if (step - first < retained || step == steps - 1) {
      skips = false;
      error = 0;
    } else {
      error += rate * (meanChange(sample, before) / mean(velocities.get(Branch.CONDITIONAL)));
      skips = error < threshold; // never with a rate that is not known
      if (!skips) {
        error = 0;
      }
    }
    return skips;
  }

  private void begin(int step, int working) {
    network = working;
    first = step;
    error = 0;
    rate = Double.NaN;
    computedSample = null;
    velocities.clear();
  }

  @Override
  public Tensor velocity(Ops ops, Branch branch, Tensor now) {
    Tensor before = velocities.get(branch);
    if (before == null) {
      return null;
    }
    skipped++;
    Tensor guess = ops.empty(DType.F32, now.shape().toArray());
    try (Scope _ = ops.scope()) {
      ops.linearCombination(
          guess,
          new double[] {1, 1, -1},
          List.of(now, ops.upload(before, DType.F32), ops.upload(computedSample, DType.F32)));
    }
    return guess;
  }

  @Override
  public void computed(Ops ops, Branch branch, Tensor now, Tensor made) {
    Tensor latest = ops.download(made);
    Tensor before = velocities.put(branch, latest);
    if (branch == Branch.CONDITIONAL) {
      if (before != null) {
        rate = meanChange(latest, before) / meanChange(sample, computedSample);
      }
      computedSample = sample;
    }
  }

  @Override
  public void forget(Branch branch) {
    velocities.remove(branch);
  }

  @Override
  public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
    blocks.run();
  }

  @Override
  public int skipped() {
    return skipped;
  }

  @Override
  public void save(Ops ops, SavedState state) {
    state.put("counts", network, first, skipped);
    state.put("numbers", error, rate);
    state.put("sample", sample);
    if (computedSample != null) {
      state.put("computed", computedSample);
    }
    velocities.forEach((branch, velocity) -> state.put(name(branch), velocity));
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    long[] counts = state.longs("counts", 3);
    network = Math.toIntExact(counts[0]);
    first = Math.toIntExact(counts[1]);
    skipped = Math.toIntExact(counts[2]);
    double[] numbers = state.doubles("numbers", 2);
    error = numbers[0];
    rate = numbers[1];
    sample = state.tensor("sample");
    computedSample = state.has("computed") ? state.tensor("computed") : null;
    velocities.clear();
    for (Branch branch : Branch.values()) {
      if (state.has(name(branch))) {
        velocities.put(branch, state.tensor(name(branch)));
      }
    }
  }

  private static String name(Branch branch) {
    return "velocity." + branch.name().toLowerCase(Locale.ROOT);
  }

  /// Returns the mean of the absolute values.
  private static double mean(Tensor x) {
    MemorySegment values = x.segment();
    double sum = 0;
    for (long i = 0; i < x.count(); i++) {
      sum += Math.abs(values.getAtIndex(FLOAT, i));
    }
    return sum / x.count();
  }

  /// Returns the mean of the absolute differences.
  private static double meanChange(Tensor x, Tensor y) {
    MemorySegment left = x.segment();
    MemorySegment right = y.segment();
    double sum = 0;
    for (long i = 0; i < x.count(); i++) {
      sum += Math.abs((double) left.getAtIndex(FLOAT, i) - right.getAtIndex(FLOAT, i));
    }
    return sum / x.count();
  }
}
