package wan4j.cuda;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.device.Device;

/// Watches a rank's exchanges in the GPU's queue, on a thread of its own: time counts from when the
/// work before an exchange is done, so that a long queue is no delay.
final class ExchangeWatch implements AutoCloseable {
  private static final long PAUSE = 200; // milliseconds

  private final Device device;
  private final Duration limit;
  private final Supplier<String> libraryFailure;
  private final Consumer<Throwable> failed;
  private final Deque<Exchange> queued = new ArrayDeque<>(); // in order; guarded by itself
  private final Deque<Exchange> free = new ArrayDeque<>(); // guarded by `queued`
  private final List<Exchange> all = new ArrayList<>(); // used by the rank's thread alone
  private long begun; // exchanges, used by the rank's thread alone
  private final Thread thread;
  private volatile boolean isClosed;

  /// Two marks in the queue, and which exchange of this rank's they are about.
  private record Exchange(long number, long begin, long end) {}

  /// Starts to watch; `libraryFailure` returns what the library says went wrong, or null, and
  /// `failed` is told the first failure.
  ExchangeWatch(
      Device device, Duration limit, Supplier<String> libraryFailure, Consumer<Throwable> failed) {
    this.device = device;
    this.limit = limit;
    this.libraryFailure = libraryFailure;
    this.failed = failed;
    thread = Thread.ofPlatform().daemon().name("watch of exchanges").start(this::run);
  }

  /// Queues an exchange between two marks in a stream.
  void around(long stream, Runnable exchange) {
    Exchange used;
    synchronized (queued) {
      used = free.poll();
    }
    if (used == null) {
      used = new Exchange(begun, CudaStreams.createEvent(), CudaStreams.createEvent());
      all.add(used);
    }
    Exchange marks = new Exchange(begun++, used.begin, used.end);
    CudaStreams.record(marks.begin, stream);
    exchange.run();
    CudaStreams.record(marks.end, stream);
    synchronized (queued) {
      queued.add(marks);
    }
  }

  private void run() {
    Exchange current = null; // the first in the queue, once it has begun
    long since = 0;
    try {
      device.context().enterBeside();
      while (!isClosed) {
        Exchange first = firstUnfinished();
        if (first == null || !CudaStreams.hasHappened(first.begin)) {
          current = null;
        } else if (!first.equals(current)) {
          current = first;
          since = System.nanoTime();
        } else if (System.nanoTime() - since > limit.toNanos()) {
          failed.accept(
              new IllegalStateException(
                  "its exchange with the other GPUs made no progress for %d s"
                      .formatted(limit.toSeconds())));
          return;
        }
        String failure = libraryFailure.get();
        if (failure != null) {
          failed.accept(new IllegalStateException("NCCL says " + failure));
          return;
        }
        synchronized (this) {
          if (!isClosed) {
            wait(PAUSE);
          }
        }
      }
    } catch (CudaException e) {
      failed.accept(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Sets aside what has ended; returns the first that has not, or null.
  private Exchange firstUnfinished() {
    while (true) {
      Exchange first;
      synchronized (queued) {
        first = queued.peek();
      }
      if (first == null || !CudaStreams.hasHappened(first.end)) {
        return first;
      }
      synchronized (queued) {
        free.add(queued.remove());
      }
    }
  }

  @Override
  public void close() {
    isClosed = true;
    synchronized (this) {
      notifyAll();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    device
        .context()
        .release(() -> {
          for (Exchange exchange : all) {
            CudaStreams.destroyEvent(exchange.begin);
            CudaStreams.destroyEvent(exchange.end);
          }
        });
  }
}
