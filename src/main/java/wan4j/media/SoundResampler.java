package wan4j.media;

import java.util.Arrays;
import java.util.stream.IntStream;

/// Changes the rate of samples with a linear-phase low-pass filter, without delay and without
/// losing the tail. Samples come in blocks of any size, so that long sounds need not lie in memory.
///
/// The filter passes up to 0.9136 of the lower rate's Nyquist frequency and stops from Nyquist on
/// by 120 dB: what the "HQ" setting of libsoxr (chirlu/soxr, src/soxr.c, `soxr_quality_spec`) asks
/// for, which librosa uses and with it the reference.
final class SoundResampler {
  private static final double PASS = 0.9136;
  private static final double ATTENUATION = 120;
  private static final int MOST_WEIGHTS = 1 << 22;

  private final int up;
  private final int down;
  private final int reach;
  private final double[][] phases;

  // The samples that are still needed, of which the first is number `start` of all that came.
  private float[] kept = new float[0];
  private long start;
  private long received;
  private long made;

  SoundResampler(int from, int to) {
    int common = greatestCommonDivisor(from, to);
    up = to / common;
    down = from / common;
    // In units of the input rate's Nyquist frequency.
    double stop = Math.min(1, (double) to / from);
    double cutoff = stop * (1 + PASS) / 2;
    double beta = 0.1102 * (ATTENUATION - 8.7);
    double taps = (ATTENUATION - 8) / (2.285 * Math.PI * stop * (1 - PASS));
    reach = (int) Math.ceil(taps / 2);
    // One set of weights for each place between two samples; of rates without a common divisor, so
    // many that the weights between two sets lie on a line.
    int count = Math.min(up, Math.max(2, MOST_WEIGHTS / (2 * reach)));
    phases = new double[count + 1][];
    IntStream.rangeClosed(0, count)
        .parallel()
        .forEach(phase -> phases[phase] = weights((double) phase / count, cutoff, beta));
  }

  private double[] weights(double fraction, double cutoff, double beta) {
    double[] weights = new double[2 * reach];
    double sum = 0;
    for (int k = 0; k < weights.length; k++) {
      double distance = k - (reach - 1) - fraction;
      double window = distance / reach;
      weights[k] =
          cutoff
              * sinc(cutoff * distance)
              * bessel(beta * Math.sqrt(Math.max(0, 1 - window * window)));
      sum += weights[k];
    }
    for (int k = 0; k < weights.length; k++) {
      weights[k] /= sum;
    }
    return weights;
  }

  /// Takes the first `count` samples of a block and returns those at the new rate that all are
  /// known for.
  float[] add(float[] samples, int count) {
    if (up == down) {
      return Arrays.copyOf(samples, count);
    }
    int held = kept.length;
    kept = Arrays.copyOf(kept, held + count);
    System.arraycopy(samples, 0, kept, held, count);
    received += count;
    // Sample i needs all inputs up to floor(i * down / up) + reach.
    long known = Math.max(0, (received - reach) * up);
    float[] ready = make(Math.max(made, Math.ceilDiv(known, (long) down)));
    long needed = made * down / up - (reach - 1);
    int passed = Math.clamp(needed - start, 0, kept.length);
    kept = Arrays.copyOfRange(kept, passed, kept.length);
    start += passed;
    return ready;
  }

  /// Returns the last samples, which make the whole `ceil(received * to / from)` long.
  float[] finish() {
    if (up == down) {
      return new float[0];
    }
    return make(Math.ceilDiv(received * up, (long) down));
  }

  /// Returns all samples of a sound at the new rate.
  static float[] resample(float[] samples, int from, int to) {
    SoundResampler resampler = new SoundResampler(from, to);
    float[] first = resampler.add(samples, samples.length);
    float[] last = resampler.finish();
    float[] whole = Arrays.copyOf(first, first.length + last.length);
    System.arraycopy(last, 0, whole, first.length, last.length);
    return whole;
  }

  private float[] make(long end) {
    float[] result = new float[Math.toIntExact(end - made)];
    long first = made;
    IntStream.range(0, result.length).parallel().forEach(i -> result[i] = sample(first + i));
    made = end;
    return result;
  }

  private float sample(long index) {
    long position = index * down;
    long phase = position % up * (phases.length - 1);
    double[] weights = phases[(int) (phase / up)];
    double[] next = phases[(int) (phase / up) + 1];
    double share = (double) (phase % up) / up;
    int first = (int) (position / up - (reach - 1) - start);
    int from = Math.max(0, -first);
    int to = Math.min(weights.length, kept.length - first);
    double sum = 0;
    if (share == 0) {
      for (int k = from; k < to; k++) {
        sum += weights[k] * kept[first + k];
      }
    } else {
      for (int k = from; k < to; k++) {
        sum += (weights[k] + share * (next[k] - weights[k])) * kept[first + k];
      }
    }
    return (float) sum;
  }

  private static double sinc(double x) {
    return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  }

  /// The modified Bessel function of the first kind and order zero, by its series.
  private static double bessel(double x) {
    double sum = 1;
    double term = 1;
    for (int k = 1; term > sum * 1e-17; k++) {
      term *= (x / (2 * k)) * (x / (2 * k));
      sum += term;
    }
    return sum;
  }

  private static int greatestCommonDivisor(int a, int b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }
}
