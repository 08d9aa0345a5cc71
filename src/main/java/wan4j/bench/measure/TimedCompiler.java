package wan4j.bench.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import wan4j.cuda.jit.KernelCompiler;

/// A compiler that records the time of each compilation, on whichever thread.
public final class TimedCompiler implements KernelCompiler {
  private final KernelCompiler compiler;
  private final LongSupplier clock; // in nanoseconds
  private final List<Double> seconds = new ArrayList<>();

  public TimedCompiler(KernelCompiler compiler, LongSupplier clock) {
    this.compiler = compiler;
    this.clock = clock;
  }

  @Override
  public String version() {
    return compiler.version();
  }

  @Override
  public byte[] compile(
      String name, String program, Map<String, String> headers, List<String> options) {
    long start = clock.getAsLong();
    byte[] cubin = compiler.compile(name, program, headers, options);
    note((clock.getAsLong() - start) / 1e9);
    return cubin;
  }

  private synchronized void note(double time) {
    seconds.add(time);
  }

  /// Returns the number of compilations.
  public synchronized int count() {
    return seconds.size();
  }

  /// Returns the seconds of all compilations together.
  public synchronized double sum() {
    return seconds.stream().mapToDouble(Double::doubleValue).sum();
  }

  /// Returns the seconds of the slowest compilation, 0 without any.
  public synchronized double slowest() {
    return seconds.stream().mapToDouble(Double::doubleValue).max().orElse(0);
  }
}
