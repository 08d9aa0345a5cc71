package wan4j.bench.measure;

import java.util.Arrays;

/// Rates from amounts and times, run by run.
public final class Rates {
  private Rates() {}

  /// Returns the rates of an amount of arithmetic in TFLOP/s.
  public static double[] teraflops(double operations, double[] milliseconds) {
    return perMillisecond(operations, milliseconds, 1e9);
  }

  /// Returns the rates of an amount of memory in GB/s.
  public static double[] gigabytes(long bytes, double[] milliseconds) {
    return perMillisecond((double) bytes, milliseconds, 1e6);
  }

  private static double[] perMillisecond(double amount, double[] milliseconds, double unit) {
    return Arrays.stream(milliseconds).map(time -> amount / time / unit).toArray();
  }
}
