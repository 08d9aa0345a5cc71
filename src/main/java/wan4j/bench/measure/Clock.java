package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaStreams;
import wan4j.ops.Ops;

/// Marks points in the order of a backend's work and tells the time between two of them.
public interface Clock extends AutoCloseable {
  /// Returns the clock of a backend: events of the device, or the host's time.
  static Clock of(Ops ops) {
    return ops instanceof CudaOps cuda ? new DeviceClock(cuda.stream()) : new HostClock(ops);
  }

  /// Marks the present end of the work.
  long mark();

  /// Returns the time between two marks, once the work between them is done.
  double milliseconds(long from, long to);

  /// Forgets all marks, whose places are used again.
  void reset();

  /// Returns the lead, in milliseconds, that the host needs over the device to have asked for all
  /// of some work before the device comes to it: 0 where work that is queued behind itself leaves
  /// the host enough. Runs the work once where it has to find out.
  double lead(Runnable work);

  /// Asks for work whose time does not count, behind a pause of the device of `lead` milliseconds,
  /// and does not wait for it, so that whatever is asked for next begins as soon as it is done.
  /// Does nothing where the host is the device.
  void ahead(double lead, Runnable work);

  /// Frees what marks took.
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

  /// Records CUDA events, which cost the stream a microsecond or so. A pause of the device is bytes
  /// that it clears.
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

    /// Returns the lead for work that the host takes `asked` milliseconds to ask for and that is
    /// done `took` milliseconds after its first operation began, on a device that was idle. With
    /// two marks beside each operation, asking takes up to twice as long, and the untimed run is
    /// asked for as well. Work that is longer than any lead needs none: the host is soon as far
    /// ahead as the queue lets it.
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
