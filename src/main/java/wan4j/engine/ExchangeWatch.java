package wan4j.engine;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.NcclCollectives;
import wan4j.parallel.Meeting;

/// Watches the exchanges between GPUs while ranks work, which wait on the devices where no rank
/// sees for how long: ends the work when NCCL reports a failure, and when a rank has begun fewer
/// exchanges than another and no further one within the time that ranks wait for each other.
final class ExchangeWatch implements AutoCloseable {
  private static final long PERIOD = 250; // milliseconds

  private final List<RankLinks> links;
  private final Meeting meeting;
  private final Duration limit;
  private final Thread thread;

  /// The exchanges that a rank had begun in a communicator, and since when.
  private record Seen(long begun, long since) {}

  private final Map<NcclCollectives, Seen> seen = new HashMap<>();

  /// Begins to watch the links of all ranks.
  ExchangeWatch(List<RankLinks> links, Meeting meeting, Duration limit) {
    this.links = links;
    this.meeting = meeting;
    this.limit = limit;
    thread = Thread.ofPlatform().daemon().name("exchange watch").start(this::run);
  }

  private void run() {
    try {
      while (!looksBad()) {
        Thread.sleep(PERIOD);
      }
    } catch (InterruptedException e) {
      // the work is done
    }
  }

  /// Looks once, and ends the work where something is wrong.
  private boolean looksBad() {
    for (int rank = 0; rank < links.size(); rank++) {
      for (Map.Entry<List<Integer>, NcclCollectives> own :
          links.get(rank).betweenGpus().entrySet()) {
        String failure = own.getValue().failure();
        if (failure != null) {
          meeting.fail(rank, new IllegalStateException("NCCL reports: " + failure));
          return true;
        }
        if (isLate(own.getValue()) && isBehind(own.getKey(), own.getValue().begun())) {
          meeting.fail(
              rank,
              new IllegalStateException(
                  "it did not come to an exchange between GPUs within %d s"
                      .formatted(limit.toSeconds())));
          return true;
        }
      }
    }
    return false;
  }

  private boolean isLate(NcclCollectives own) {
    long now = System.nanoTime();
    long begun = own.begun();
    Seen before = seen.get(own);
    if (before == null || before.begun != begun) {
      seen.put(own, new Seen(begun, now));
      return false;
    }
    return now - before.since > limit.toNanos();
  }

  private boolean isBehind(List<Integer> members, long begun) {
    return members.stream()
        .map(other -> links.get(other).betweenGpus().get(members))
        .anyMatch(other -> other != null && other.begun() > begun);
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
