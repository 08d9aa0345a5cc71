package wan4j.media;

import java.util.stream.IntStream;

/// Changes the rate of samples with a linear-phase low-pass filter, without delay and without
/// losing the tail.
///
/// The filter passes up to 0.9136 of the lower rate's Nyquist frequency and stops from Nyquist on
/// by 120 dB: what the "HQ" setting of libsoxr (chirlu/soxr, src/soxr.c, `soxr_quality_spec`) asks
/// for, which librosa uses and with it the reference.
final class SoundResampler {
  private static final double PASS = 0.9136;
  private static final double ATTENUATION = 120;

  private final int up;
  private final int down;
  private final int reach;
  private final double[][] phases;

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
    phases = new double[up][2 * reach];
    for (int phase = 0; phase < up; phase++) {
      double fraction = (double) phase / up;
      double sum = 0;
      for (int k = 0; k < 2 * reach; k++) {
        double distance = k - (reach - 1) - fraction;
        double window = distance / reach;
        double weight =
            cutoff
                * sinc(cutoff * distance)
                * bessel(beta * Math.sqrt(Math.max(0, 1 - window * window)));
        phases[phase][k] = weight;
        sum += weight;
      }
      for (int k = 0; k < 2 * reach; k++) {
        phases[phase][k] /= sum;
      }
    }
  }

  /// Returns the samples at the new rate.
  float[] resample(float[] samples) {
    int length = Math.toIntExact(((long) samples.length * up + down - 1) / down);
    float[] resampled = new float[length];
    IntStream.range(0, length)
        .parallel()
        .forEach(i -> {
          long position = (long) i * down;
          double[] weights = phases[(int) (position % up)];
          int first = (int) (position / up) - (reach - 1);
          int start = Math.max(0, -first);
          int end = Math.min(weights.length, samples.length - first);
          double sum = 0;
          for (int k = start; k < end; k++) {
            sum += weights[k] * samples[first + k];
          }
          resampled[i] = (float) sum;
        });
    return resampled;
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
