package wan4j.cuda.tune;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.cuda.AlgorithmTable.Choice;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CudaStreams;

/// Finds out which of several ways to do the same work is fastest. The candidates take turns, so
/// that clocks and temperature are the same for each: all of them a few times, then the best ones
/// often.
public final class FastestCandidate implements AutoCloseable {
  private static final int FINALISTS = 4; // the first candidate and the three best of the others
  private static final double LARGE = 2; // milliseconds from which fewer rounds tell as much
  private static final double LEAST_GAIN = 1.02;
  private static final double WON = 0.8; // of the rounds
  private static final double BATCH = 0.2; // milliseconds of work between two events
  private static final int MOST_REPEATS = 20;

  private final CudaOps ops;
  private final List<Long> events = new ArrayList<>();

  FastestCandidate(CudaOps ops) {
    this.ops = ops;
  }

  /// How many rounds all candidates and the finalists run.
  private record Effort(int screening, int rounds) {
    static final Effort SMALL = new Effort(3, 21);
    static final Effort LARGE = new Effort(2, 11);
  }

  /// The index of the fastest candidate, 0 where none is clearly faster than the first, and median
  /// milliseconds.
  record Result(int winner, double milliseconds, double firstMilliseconds) {
    /// Returns the winner as a table's entry, its times rounded to ten nanoseconds.
    Choice choice(String work, String algorithm) {
      return new Choice(work, algorithm, rounded(milliseconds), rounded(firstMilliseconds));
    }

    private static double rounded(double milliseconds) {
      return Math.round(milliseconds * 1e5) / 1e5;
    }
  }

  /// Measures candidates, each of which has run before.
  Result measure(List<Runnable> candidates) {
    double estimate = median(times(candidates.subList(0, 1), 3, 1)[0]);
    Effort effort = estimate > LARGE ? Effort.LARGE : Effort.SMALL;
    int repeats = Math.clamp(Math.round(BATCH / estimate), 1, MOST_REPEATS);
    double[][] screened = times(candidates, effort.screening, repeats);
    List<Integer> finalists = finalists(screened);
    double[][] times =
        times(finalists.stream().map(candidates::get).toList(), effort.rounds, repeats);
    int winner = winner(times);
    return new Result(finalists.get(winner), median(times[winner]), median(times[0]));
  }

  private static List<Integer> finalists(double[][] screened) {
    List<Integer> finalists = new ArrayList<>();
    finalists.add(0);
    IntStream.range(1, screened.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> median(screened[i])))
        .limit(FINALISTS - 1)
        .forEach(finalists::add);
    return finalists;
  }

  /// Returns the candidate with the least median, or the first one where that is not clearly
  /// faster.
  public static int winner(double[][] times) {
    int best = 0;
    for (int i = 1; i < times.length; i++) {
      if (median(times[i]) < median(times[best])) {
        best = i;
      }
    }
    double[] chosen = times[best];
    long won = IntStream.range(0, chosen.length).filter(i -> chosen[i] < times[0][i]).count();
    boolean isFaster = median(times[0]) > LEAST_GAIN * median(chosen) && won >= WON * chosen.length;
    return isFaster ? best : 0;
  }

  /// Returns the milliseconds of each candidate in each round, the mean of `repeats` runs; who
  /// begins changes from round to round.
  double[][] times(List<Runnable> candidates, int rounds, int repeats) {
    int count = candidates.size();
    while (events.size() < 2 * rounds * count) {
      events.add(CudaStreams.createTimingEvent());
    }
    for (int round = 0; round < rounds; round++) {
      for (int turn = 0; turn < count; turn++) {
        int candidate = (turn + round) % count;
        int mark = 2 * (round * count + candidate);
        CudaStreams.record(events.get(mark), ops.stream());
        for (int i = 0; i < repeats; i++) {
          candidates.get(candidate).run();
        }
        CudaStreams.record(events.get(mark + 1), ops.stream());
      }
    }
    ops.synchronize();
    double[][] times = new double[count][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int candidate = 0; candidate < count; candidate++) {
        int mark = 2 * (round * count + candidate);
        times[candidate][round] =
            CudaStreams.milliseconds(events.get(mark), events.get(mark + 1)) / repeats;
      }
    }
    return times;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  @Override
  public void close() {
    ops.synchronize();
    events.forEach(CudaStreams::destroyEvent);
  }
}
