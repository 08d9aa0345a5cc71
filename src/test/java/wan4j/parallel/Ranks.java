package wan4j.parallel;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/// Runs the ranks of a group on threads of their own.
final class Ranks {
  private Ranks() {}

  /// What a rank does.
  interface Work<T> {
    T run(Meeting meeting, int rank);
  }

  /// Returns what each rank returns; the first failure among them ends the others and is thrown.
  static <T> List<T> run(int ranks, Duration limit, Work<T> work) {
    Meeting meeting = new LocalMeeting(ranks, limit);
    try (ExecutorService threads = Executors.newFixedThreadPool(ranks)) {
      List<Callable<T>> tasks =
          IntStream.range(0, ranks)
              .<Callable<T>>mapToObj(rank ->
                  () -> {
                    try {
                      return work.run(meeting, rank);
                    } catch (RuntimeException | Error e) {
                      meeting.fail(rank, e);
                      throw e;
                    }
                  })
              .toList();
      List<T> results = new ArrayList<>();
      for (Future<T> future : threads.invokeAll(tasks)) {
        results.add(future.get());
      }
      return results;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
