package wan4j.parallel;

import java.util.List;
import java.util.function.Consumer;

/// Where the ranks of a job meet: each brings something and sees what all brought. The first
/// failure, or a rank that does not come in time, ends it for all.
public interface Meeting {
  /// Returns how many ranks meet.
  int ranks();

  /// Brings something, waits for all ranks and returns what each brought, in the order of ranks.
  /// Between processes it must be a `byte[]`, `String`, `Integer`, `Long`, `Double` or `Boolean`.
  /// Throws `RankException` when a rank has failed or does not come in time.
  <T> List<T> meet(int rank, Class<T> type, T value);

  /// Returns the meeting of some of these ranks, in ascending order, who are numbered from 0 in it;
  /// ranks that name the same ones get the same meeting. A failure in one ends all of the job.
  Meeting among(List<Integer> members);

  /// Ends the job for all ranks because one has failed; only the first failure counts.
  void fail(int rank, Throwable cause);

  /// Tells the first failure to a listener, once: at once where there is one already. It is called
  /// on any thread, must not wait, and is where work that waits on a device is ended.
  void onFailure(Consumer<RankException> listener);
}
