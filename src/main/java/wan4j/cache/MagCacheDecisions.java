package wan4j.cache;

import wan4j.ops.SavedState;

/// Decides forward by forward whether to skip: as long as the error that skipping is expected to
/// make, accumulated since the last computed forward of the same branch, stays small.
///
/// Follows mali-afridi/Wan2.2_FP8 ee86e2e, wan/magcache_fsdp_wrapper.py, but for a forward that may
/// be skipped before anything is kept: there only the first block runs, here all do.
public final class MagCacheDecisions {
  private final MagCacheSchedule schedule;
  private final double[] ratio = {1, 1};
  private final double[] error = {0, 0};
  private final int[] skips = {0, 0};

  /// Creates the decisions of one run.
  public MagCacheDecisions(MagCacheSchedule schedule) {
    this.schedule = schedule;
  }

  void save(SavedState state) {
    state.put("ratio", ratio);
    state.put("error", error);
    state.put("skips", skips[0], skips[1]);
  }

  void restore(SavedState state) {
    System.arraycopy(state.doubles("ratio", 2), 0, ratio, 0, 2);
    System.arraycopy(state.doubles("error", 2), 0, error, 0, 2);
    long[] counts = state.longs("skips", 2);
    skips[0] = Math.toIntExact(counts[0]);
    skips[1] = Math.toIntExact(counts[1]);
  }

  /// Says whether to skip a forward, numbered 2 · step + branch; asked once for each, in order.
  /// `isKept` says whether an earlier forward of the branch has left something to use instead.
  public boolean skips(int pass, boolean isKept) {
    if (!schedule.maySkip(pass)) {
      return false;
    }
    int branch = pass % 2;
    ratio[branch] *= schedule.ratio(pass);
    error[branch] += Math.abs(1 - ratio[branch]);
    skips[branch]++;
    MagCacheSettings settings = schedule.settings();
    if (isKept
        && error[branch] < settings.threshold()
        && skips[branch] <= settings.largestSkips()) {
      return true;
    }
    ratio[branch] = 1;
    error[branch] = 0;
    skips[branch] = 0;
    return false;
  }
}
