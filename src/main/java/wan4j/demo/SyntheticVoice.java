package wan4j.demo;

import java.util.Random;
import wan4j.Source;
import wan4j.media.Sound;

/// Sounds that are like speech, as the demo's training draws them (demo/training/speech.py): a row
/// of syllables, harmonics of a voice under the three formants of a vowel (Peterson and Barney
/// 1952), each as loud as chance has it, with pauses between.
public final class SyntheticVoice {
  private static final double[][] FORMANTS = {
    {730, 1090, 2440}, // a
    {530, 1840, 2480}, // e
    {270, 2290, 3010}, // i
    {570, 840, 2410}, // o
    {300, 870, 2240}, // u
  };
  private static final double[] WEIGHTS = {1, 0.6, 0.3};
  private static final double[] BANDS = {80, 100, 140};
  private static final int HARMONICS = 40;
  private static final double HIGHEST = 7600; // Hz
  private static final double PAUSES = 0.22; // of the syllables
  private static final double HISS = 0.004;
  private static final double LOUDEST = 0.9; // of the range of samples

  private final Random random;
  private final double pitch;
  private final double tract; // how much higher formants are than a man's
  private final double wobble; // of the pitch, Hz

  private SyntheticVoice(long seed) {
    random = new Random(seed);
    pitch = between(90, 240);
    tract = between(0.9, 1.15);
    wobble = between(0.3, 0.9);
  }

  /// Returns so many samples at 16 kHz of what the voice of a seed says, which are the same each
  /// time.
  public static Sound say(int samples, long seed) {
    return Sound.of(Source.Speech.SOUND_RATE, new SyntheticVoice(seed).samples(samples));
  }

  private double between(double low, double high) {
    return low + (high - low) * random.nextDouble();
  }

  private float[] samples(int count) {
    double[] samples = new double[count];
    for (int done = 0; done < count; ) {
      int length = (int) (between(0.16, 0.5) * Source.Speech.SOUND_RATE);
      double level = random.nextDouble() < PAUSES ? 0 : between(0.15, 1);
      double[] formants = FORMANTS[random.nextInt(FORMANTS.length)];
      addSyllable(samples, done, length, level, gains(formants));
      done += length;
    }
    double largest = 0;
    for (int i = 0; i < count; i++) {
      samples[i] += HISS * random.nextGaussian();
      largest = Math.max(largest, Math.abs(samples[i]));
    }
    float[] scaled = new float[count];
    for (int i = 0; i < count; i++) {
      scaled[i] = (float) (samples[i] * LOUDEST / largest);
    }
    return scaled;
  }

  /// Returns how loud each harmonic is under some formants; their root mean square is 1.
  private double[] gains(double[] formants) {
    double[] gains = new double[HARMONICS];
    double power = 0;
    for (int h = 0; h < HARMONICS; h++) {
      double frequency = pitch * (h + 1);
      for (int k = 0; k < formants.length && frequency < HIGHEST; k++) {
        double away = (frequency - formants[k] * tract) / BANDS[k];
        gains[h] += WEIGHTS[k] / (1 + away * away);
      }
      gains[h] /= Math.pow(h + 1, 0.3);
      power += gains[h] * gains[h] / 2;
    }
    for (int h = 0; h < HARMONICS; h++) {
      gains[h] /= Math.sqrt(power);
    }
    return gains;
  }

  private void addSyllable(double[] samples, int from, int length, double level, double[] gains) {
    for (int i = from; i < Math.min(samples.length, from + length) && level > 0; i++) {
      double envelope = level * Math.pow(Math.sin(Math.PI * (i - from) / length), 0.6);
      double time = (double) i / Source.Speech.SOUND_RATE;
      double turn = 2 * Math.PI * time;
      double phase =
          2 * Math.PI * pitch * (time + 0.02 / wobble * Math.sin(wobble * turn)) % (2 * Math.PI);
      for (int h = 0; h < HARMONICS; h++) {
        samples[i] += envelope * gains[h] * Math.sin((h + 1) * phase);
      }
    }
  }
}
