package wan4j.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.media.Sound;

final class SyntheticVoiceTest {
  private static final int RATE = 16_000;

  @Test
  void aSeedSaysTheSameAndAnotherSomethingElse() {
    float[] once = SyntheticVoice.say(RATE, 7).channel(0);
    assertThat(SyntheticVoice.say(RATE, 7).channel(0)).isEqualTo(once);
    assertThat(SyntheticVoice.say(RATE, 8).channel(0)).isNotEqualTo(once);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void itIsLoudAndSoftAndHasAPitch(long seed) {
    Sound voice = SyntheticVoice.say(4 * RATE, seed);
    assertThat(voice.rate()).isEqualTo(RATE);
    float[] samples = voice.channel(0);
    double largest = 0;
    double softest = 1;
    double loudest = 0;
    int loudestAt = 0;
    int window = RATE / 16;
    for (int from = 0; from < samples.length; from += window) {
      double power = 0;
      for (int i = from; i < from + window; i++) {
        largest = Math.max(largest, Math.abs(samples[i]));
        power += samples[i] * samples[i] / window;
      }
      softest = Math.min(softest, Math.sqrt(power));
      if (Math.sqrt(power) > loudest) {
        loudest = Math.sqrt(power);
        loudestAt = from;
      }
    }
    assertThat(largest).isBetween(0.899, 0.901);
    assertThat(loudest).isGreaterThan(10 * softest);
    assertThat(repetition(samples, loudestAt, window)).isGreaterThan(0.8);
  }

  /// How well the sound equals itself a period later, at the best of the pitches of voices.
  private static double repetition(float[] samples, int from, int window) {
    double best = 0;
    for (int period = RATE / 240; period <= RATE / 90; period++) {
      double both = 0;
      double first = 0;
      double second = 0;
      for (int i = from; i < from + window - period; i++) {
        both += samples[i] * samples[i + period];
        first += samples[i] * samples[i];
        second += samples[i + period] * samples[i + period];
      }
      best = Math.max(best, both / Math.sqrt(first * second));
    }
    return best;
  }
}
