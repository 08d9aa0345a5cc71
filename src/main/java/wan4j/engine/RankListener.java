package wan4j.engine;

import java.util.function.Supplier;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.pipeline.CourseListener;
import wan4j.weights.Expert;

/// A rank's listener: the first one's tells all, and whether the request is cancelled is what the
/// ranks' callers say when each asks.
///
/// @param told who is told, by the first rank
/// @param caller who may cancel
/// @param host how the ranks reach each other
record RankListener(CourseListener told, CourseListener caller, HostExchange host)
    implements CourseListener {
  /// Returns the listener of a rank.
  static CourseListener of(CourseListener caller, HostExchange host) {
    return new RankListener(host.isFirst() ? caller : CourseListener.NONE, caller, host);
  }

  @Override
  public void begins(int step, Expert expert) {
    told.begins(step, expert);
  }

  @Override
  public void ends(Outcome outcome) {
    told.ends(outcome);
  }

  @Override
  public boolean isCancelled() {
    return host.decidedByCallers(caller::isCancelled);
  }

  @Override
  public void encodes(Ops ops, VideoAutoencoder vae) {
    told.encodes(ops, vae);
  }

  @Override
  public void clip(int index, int clips) {
    told.clip(index, clips);
  }

  @Override
  public <T> T stage(String name, Supplier<T> work) {
    return told.stage(name, work);
  }
}
