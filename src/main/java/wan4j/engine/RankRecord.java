package wan4j.engine;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import wan4j.ops.HostExchange;
import wan4j.ops.SavedState;
import wan4j.pipeline.RunRecord;
import wan4j.pipeline.StepListener;
import wan4j.tensor.Tensor;

/// A rank's part in the record of a run, which the first rank keeps: whether a state is to be
/// written is its decision, and the state holds what each rank has of its own.
///
/// @param kept the first rank's record
/// @param host how the ranks reach each other
record RankRecord(RunRecord kept, HostExchange host) implements RunRecord {
  private static final String RANKS = "ranks"; // what those after the first have of their own
  private static final List<String> COMMON = List.of("step", "sample", "solver", "guidance");

  /// Returns the record of a rank.
  static RunRecord of(RunRecord kept, HostExchange host, int ranks) {
    return ranks == 1 ? kept : new RankRecord(kept, host);
  }

  @Override
  public Tensor latents(int clip) {
    return host.ofFirst(() -> kept.latents(clip));
  }

  @Override
  public SavedState state(int clip) {
    SavedState whole = host.stateOfFirst(() -> kept.state(clip));
    if (whole == null || host.isFirst()) {
      return whole;
    }
    SavedState own = new SavedState();
    for (String name : COMMON) {
      own.putAll(name, whole, name);
    }
    own.putAll("", whole, RANKS + "." + host.rank());
    return own;
  }

  @Override
  public void stepped(int clip, StepListener.Outcome outcome, boolean isLast) {
    if (!host.isFirst()) {
      if (host.numbersOfFirst(() -> new long[0])[0] != 0) {
        var _ = collected(outcome);
      }
      return;
    }
    AtomicBoolean isWanted = new AtomicBoolean();
    kept.stepped(
        clip,
        outcome.with(() -> {
          isWanted.set(true);
          decide(true);
          return collected(outcome);
        }),
        isLast);
    if (!isWanted.get()) {
      decide(false);
    }
  }

  private void decide(boolean isWanted) {
    host.numbersOfFirst(() -> new long[] {isWanted ? 1 : 0});
  }

  private SavedState collected(StepListener.Outcome outcome) {
    SavedState own = outcome.state().get();
    List<SavedState> all = host.statesToFirst(host.isFirst() ? own : own.without(COMMON));
    for (int rank = 1; rank < all.size(); rank++) {
      own.putAll(RANKS + "." + rank, all.get(rank));
    }
    return own;
  }

  @Override
  public void sampled(int clip, Tensor latents) {
    if (host.isFirst()) {
      kept.sampled(clip, latents);
    }
  }
}
