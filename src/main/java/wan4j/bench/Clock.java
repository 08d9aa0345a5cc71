package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CudaStreams;
import wan4j.ops.Ops;

/// Marks points in the order of a backend's work and tells the time between two of them.
interface Clock extends AutoCloseable {
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
    public void close() {}
  }

  /// Records CUDA events, which cost the stream a microsecond or so.
  final class DeviceClock implements Clock {
    private final long stream;
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
    public void close() {
      events.forEach(CudaStreams::destroyEvent);
    }
  }
}
