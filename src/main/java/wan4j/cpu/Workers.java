package wan4j.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/// Spreads work over all processors. How work is cut never depends on their number or on timing, so
/// that the same input gives the same bytes.
final class Workers implements AutoCloseable {
  /// The size of a piece of scratch memory in bytes.
  static final long SCRATCH = 16L << 20;

  private static final long GRAIN = 1 << 15; // elements that are worth waking a thread for

  private final Arena arena = Arena.ofShared();
  private final Queue<MemorySegment> idle = new ConcurrentLinkedQueue<>();

  /// A task on rows `first` to below `end`.
  interface Rows {
    void run(long first, long end);
  }

  /// A task that may use scratch memory of `SCRATCH` bytes.
  interface Scratched {
    void run(int task, MemorySegment scratch);
  }

  /// Runs tasks 0 to below `count` and waits for all.
  static void run(int count, IntConsumer task) {
    if (count == 1) {
      task.accept(0);
    } else {
      IntStream.range(0, count).parallel().forEach(task);
    }
  }

  /// Runs a task over all rows, of `columns` elements each, in pieces worth a thread.
  static void rows(long rows, long columns, Rows task) {
    long step = Math.max(1, GRAIN / Math.max(1, columns));
    int count = Math.toIntExact(Math.ceilDiv(rows, step));
    run(count, i -> task.run(i * step, Math.min(rows, (i + 1) * step)));
  }

  /// Runs tasks 0 to below `count`, each with scratch memory of its own, and waits for all.
  void run(int count, Scratched task) {
    run(
        count,
        i -> {
          MemorySegment scratch = idle.poll();
          if (scratch == null) {
            scratch = arena.allocate(SCRATCH, 64);
          }
          try {
            task.run(i, scratch);
          } finally {
            idle.add(scratch);
          }
        });
  }

  @Override
  public void close() {
    arena.close();
  }
}
