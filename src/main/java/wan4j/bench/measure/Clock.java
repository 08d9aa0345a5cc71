package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaStreams;
import wan4j.ops.Ops;

/// Marks points in a backend's queue of work and measures the time between two of them.
public interface Clock extends AutoCloseable {
  /// Returns the clock of a backend: events of the device, or the host's time.
  static Clock of(Ops ops) {
    return ops instanceof CudaOps cuda ? new DeviceClock(cuda.stream()) : new HostClock(ops);
  }

  /// Marks the present end of the work.
  long mark();

  /// Returns the time between two marks, once the work between them is done.
  double milliseconds(long from, long to);

  /// Forgets all marks; their resources are used again.
  void reset();

  /// Returns how many milliseconds the device must be kept busy for the host to queue all of some
  /// work in that time: 0 where the work itself is long enough. Runs the work once where needed.
  double lead(Runnable work);

  /// Queues untimed work after keeping the device busy for `lead` milliseconds, and does not wait,
  /// so that what is queued next starts as soon as it is done. Does nothing where the host is the
  /// device.
  void ahead(double lead, Runnable work);

  /// Frees the marks' resources.
  @Override
  void close();

  /// Waits for the work and reads the host's time.
  final class HostClock implements Clock {
    private final Ops ops;

    HostClock(Ops ops) {
      this.ops = ops;
    }

    @Override
    public long mark() {
      ops.synchronize();
      return System.nanoTime();
    }

    @Override
    public double milliseconds(long from, long to) {
      return (to - from) / 1e6;
    }

    @Override
    public void reset() {}

    @Override
    public double lead(Runnable work) {
      return 0;
    }

    @Override
    public void ahead(double lead, Runnable work) {}

    @Override
    public void close() {}
  }

  /// Records CUDA events, which cost the stream about a microsecond. The device is kept busy by
  /// clearing memory.
  final class DeviceClock implements Clock {
    private static final double MOST_LEAD = 200; // what waits for the device itself can have none
    private static final int TRIALS = 16;
    private static final long CLEARED = 1L << 30;

    private final long stream;
    private long cleared; // device memory, 0 until the first pause
    private double pause; // milliseconds that it takes to clear it
    private final List<Long> events = new ArrayList<>();
    private int used;

    DeviceClock(long stream) {
      this.stream = stream;
    }

    @Override
    public long mark() {
      if (used == events.size()) {
        events.add(CudaStreams.createTimingEvent());
      }
      long event = events.get(used++);
      CudaStreams.record(event, stream);
      return event;
    }

    @Override
    public double milliseconds(long from, long to) {
      CudaStreams.synchronizeEvent(to);
      return CudaStreams.milliseconds(from, to);
    }

    @Override
    public void reset() {
      used = 0;
    }

    @Override
    public double lead(Runnable work) {
      CudaStreams.synchronize(stream);
      long start = System.nanoTime();
      long from = mark();
      work.run();
      double asked = (System.nanoTime() - start) / 1e6;
      double took = milliseconds(from, mark());
      return leadOf(asked, took);
    }

    /// Returns the lead for work that the host takes `asked` milliseconds to queue and that ends
    /// `took` milliseconds after its first operation began, on an idle device. With two marks at
    /// each operation queueing takes up to twice as long, and the untimed run is queued as well.
    /// Longer work needs no lead: the host soon is as far ahead as the queue allows.
    public static double leadOf(double asked, double took) {
      return asked < took / 2 || took > MOST_LEAD ? 0 : Math.min(3 * asked, MOST_LEAD);
    }

    @Override
    public void ahead(double lead, Runnable work) {
      if (lead > 0) {
        occupy(lead);
      }
      work.run();
    }

    private void occupy(double milliseconds) {
      if (cleared == 0) {
        cleared = CudaDriver.allocate(CLEARED);
        clear();
        long from = mark();
        for (int i = 0; i < TRIALS; i++) {
          clear();
        }
        pause = milliseconds(from, mark()) / TRIALS;
      }
      for (double left = milliseconds; left > 0; left -= pause) {
        clear();
      }
    }

    private void clear() {
      CudaDriver.fillBytes(cleared, 0, CLEARED, stream);
    }

    @Override
    public void close() {
      events.forEach(CudaStreams::destroyEvent);
      if (cleared != 0) {
        CudaDriver.free(cleared);
      }
    }
  }
}
