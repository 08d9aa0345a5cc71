package wan4j.bench;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Ops;
import wan4j.parallel.Meeting;

/// Times what ranks do together: they begin at the same time, and it takes as long as the slowest
/// of them.
///
/// @param ops a rank's backend
/// @param meeting where all meet
/// @param rank the rank's number
record RankClock(Ops ops, Meeting meeting, int rank) {
  /// Returns the milliseconds of each of a benchmark's runs, in which the work is done `times`
  /// times in a row, after those that warm it up, one at least.
  double[] runs(Workbench.Settings settings, int times, Runnable work) {
    for (int i = 0; i < Math.max(1, settings.warmUp()); i++) {
      work.run();
    }
    return IntStream.range(0, settings.runs())
        .mapToDouble(_ -> milliseconds(times, work))
        .toArray();
  }

  /// Returns the milliseconds of one of `times` runs of the same work in a row.
  private double milliseconds(int times, Runnable work) {
    ops.synchronize();
    var _ = meeting.meet(rank, Boolean.class, true);
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      work.run();
    }
    ops.synchronize();
    double own = (System.nanoTime() - start) / 1e6 / times;
    List<Double> all = meeting.meet(rank, Double.class, own);
    return all.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
  }
}
