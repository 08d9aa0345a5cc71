package wan4j.media;

import java.util.Random;

/// A voice for tests: vowels of changing pitch and loudness, by two resonances over pulses, with
/// pauses between syllables.
public final class SyntheticSpeech {
  private SyntheticSpeech() {}

  /// Returns speech of so many seconds.
  public static Sound of(double seconds, int rate, long seed) {
    float[] samples = new float[(int) (seconds * rate)];
    Random random = new Random(seed);
    double phase = 0;
    double[][] resonances = new double[2][2];
    double pitch = 120;
    double[] formants = {500, 1500};
    double loudness = 0;
    int syllable = 0;
    for (int i = 0; i < samples.length; i++) {
      if (i == syllable) {
        syllable = i + (int) (rate * (0.12 + 0.2 * random.nextDouble()));
        pitch = 90 + 120 * random.nextDouble();
        formants = new double[] {300 + 500 * random.nextDouble(), 900 + 1400 * random.nextDouble()};
        loudness = random.nextDouble() < 0.2 ? 0 : 0.3 + 0.7 * random.nextDouble();
      }
      phase += pitch / rate;
      double pulse = phase >= 1 ? loudness : 0;
      phase -= Math.floor(phase);
      double sum = 0;
      for (int k = 0; k < 2; k++) {
        double radius = Math.exp(-Math.PI * 90 / rate);
        double angle = 2 * Math.PI * formants[k] / rate;
        double[] last = resonances[k];
        double next = pulse + 2 * radius * Math.cos(angle) * last[0] - radius * radius * last[1];
        last[1] = last[0];
        last[0] = next;
        sum += next;
      }
      samples[i] = (float) Math.clamp(sum / 12, -0.9, 0.9);
    }
    return Sound.of(rate, samples);
  }
}
