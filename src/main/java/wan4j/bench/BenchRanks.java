package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntFunction;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.KernelCache;
import wan4j.engine.Backends;
import wan4j.ops.Ops;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankException;
import wan4j.tensor.InputException;

/// Ranks of a benchmark: threads with a backend each, the first one on the calling thread.
final class BenchRanks {
  private BenchRanks() {}

  /// Throws `InputException` when this machine has too few GPUs for ranks.
  static void require(Device device, Ranks ranks) {
    if (device == Device.CPU || ranks.isAlone()) {
      return; // a single backend tells by itself what it lacks
    }
    Backends.requireGpu();
    if (!ranks.sharesGpu() && ranks.count() > Cuda.count()) {
      throw new InputException(
          "--gpus got %d, but this machine has %d; give at most that, or --share_gpu"
              .formatted(ranks.count(), Cuda.count()));
    }
  }

  /// Opens a rank's backend, which the calling thread uses.
  static Ops open(Workbench.Settings settings, Ranks ranks, int rank) {
    if (settings.device() == Device.CPU) {
      return Backends.open(Device.CPU);
    }
    int gpu = ranks.sharesGpu() ? Cuda.device().ordinal() : rank;
    return Backends.open(gpu, settings.arithmetic(), KernelCache.ofUser());
  }

  /// Has every rank that meets work at the same time and returns what the first one's work gives;
  /// the first failure among them ends the others and is thrown.
  static <T> T together(Meeting meeting, IntFunction<T> work) {
    AtomicReference<Throwable> cause = new AtomicReference<>();
    List<Thread> others = new ArrayList<>();
    for (int rank = 1; rank < meeting.ranks(); rank++) {
      int number = rank;
      others.add(
          Thread.ofPlatform()
              .daemon()
              .name("rank " + rank)
              .start(() -> {
                var _ = done(meeting, number, work, cause);
              }));
    }
    T made = done(meeting, 0, work, cause);
    try {
      for (Thread other : others) {
        other.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while ranks worked", e);
    }
    return switch (cause.get()) {
      case null -> made;
      case RuntimeException failure -> throw failure;
      case Error failure -> throw failure;
      case Throwable failure -> throw new IllegalStateException(failure);
    };
  }

  private static <T> T done(
      Meeting meeting, int rank, IntFunction<T> work, AtomicReference<Throwable> cause) {
    try {
      return work.apply(rank);
    } catch (RuntimeException | Error e) {
      if (!(e instanceof RankException)) {
        cause.compareAndSet(null, e);
      }
      meeting.fail(rank, e);
      cause.compareAndSet(null, e); // a rank that did not come
      return null;
    }
  }
}
