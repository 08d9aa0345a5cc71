package wan4j.cache;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;

/// Skips forwards whose blocks would add nearly the same residual as before, and adds the kept
/// residual (https://arxiv.org/abs/2506.09045). Residuals are kept for each branch and shared by
/// both experts.
public final class MagCache implements StepCache {
  private final MagCacheDecisions decisions;
  private final Map<Branch, Tensor> added = new EnumMap<>(Branch.class);
  private final Set<Branch> kept = EnumSet.noneOf(Branch.class);
  private int skipped;

  /// Creates a cache for one run over `tokens` tokens of this rank; its tensors live in the
  /// innermost scope.
  public MagCache(Ops ops, MagCacheSchedule schedule, long tokens, long dim) {
    this.decisions = new MagCacheDecisions(schedule);
    for (Branch branch : Branch.values()) {
      added.put(branch, ops.empty(ops.residual(), tokens, dim));
    }
  }

  @Override
  public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
    Tensor addition = added.get(branch);
    int pass = 2 * step + (branch == Branch.CONDITIONAL ? 0 : 1);
    if (decisions.skips(pass, kept.contains(branch))) {
      ops.linearCombination(tokens, new double[] {1, 1}, List.of(tokens, addition));
      skipped++;
      return;
    }
    ops.linearCombination(addition, new double[] {-1}, List.of(tokens));
    blocks.run();
    ops.linearCombination(addition, new double[] {1, 1}, List.of(addition, tokens));
    kept.add(branch);
  }

  @Override
  public void forget(Branch branch) {
    kept.remove(branch);
  }

  @Override
  public boolean keepsTokens() {
    return true;
  }

  @Override
  public int skipped() {
    return skipped;
  }

  @Override
  public void save(Ops ops, SavedState state) {
    decisions.save(state);
    state.put("skipped", skipped);
    for (Branch branch : kept) {
      state.put(ops, name(branch), added.get(branch));
    }
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    decisions.restore(state);
    skipped = state.count("skipped", Integer.MAX_VALUE);
    kept.clear();
    for (Branch branch : Branch.values()) {
      if (state.has(name(branch))) {
        state.copy(ops, name(branch), added.get(branch));
        kept.add(branch);
      }
    }
  }

  private static String name(Branch branch) {
    return "added." + branch.name().toLowerCase(Locale.ROOT);
  }
}
