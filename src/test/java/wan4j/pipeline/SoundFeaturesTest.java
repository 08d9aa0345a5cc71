package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

final class SoundFeaturesTest {
  @Test
  void statesAreSpreadFromTheFirstToTheLast() {
    Tensor states = Tensor.of(new float[] {0, 0, 1, 10, 2, 20, 3, 30, 4, 40}, 5, 2);
    Tensor features = SoundFeatures.resample(states);
    assertThat(features.shape().toArray()).containsExactly(3, 2);
    assertThat(features.toFloats()).containsExactly(0, 0, 2, 20, 4, 40);
    assertThat(SoundFeatures.resample(Tensor.of(new float[2], 1, 2)).length(0)).isZero();
    assertThat(SoundFeatures.resample(Tensor.of(new float[] {7, 8, 9, 9}, 2, 2)).toFloats())
        .containsExactly(7, 8);
  }

  /// The counts of s2v-mod-size-and-buckets.
  @Test
  void clipsAreFilledTheLastOnePartly() {
    assertThat(SoundFeatures.clips(59, 12, 16)).isEqualTo(3);
    assertThat(SoundFeatures.clips(60, 80, 16)).isEqualTo(1);
    assertThat(SoundFeatures.clips(150, 80, 16)).isEqualTo(2);
    assertThat(SoundFeatures.clips(300, 48, 16)).isEqualTo(4);
    assertThat(SoundFeatures.clips(90, 48, 30)).isEqualTo(2);
  }

  @Test
  void framesTakeTheNearestFeatureAndSilenceAfterTheEnd() {
    assertThat(SoundFeatures.indices(24, 16, 16))
        .containsExactly(0, 2, 4, 6, 8, 9, 11, 13, 15, 17, 19, 21, 22, -1, -1, -1);
    Tensor features = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    assertThat(SoundFeatures.ofFrames(features, new int[] {1, 0, -1}).toFloats())
        .containsExactly(3, 4, 1, 2, 0, 0);
  }

  @Test
  void whatFramesHearIsWhatTheThreeStepsGive() {
    float[] values = new float[73 * 3];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(i);
    }
    Tensor states = Tensor.of(values, 73, 3);
    Tensor features = SoundFeatures.resample(states);
    int[] indices = SoundFeatures.indices(features.length(0), 32, 16);
    float[] expected = SoundFeatures.ofFrames(features, indices).toFloats();
    float[] heard = SoundFeatures.heard(states, 73, 8, 24, 16).toFloats();
    for (int frame = 0; frame < 24; frame++) {
      for (int i = 0; i < 3; i++) {
        assertThat(heard[i * 24 + frame]).isEqualTo(expected[(8 + frame) * 3 + i]);
      }
    }
    assertThat(heard[23]).isZero(); // the sound has ended
    int enough = SoundFeatures.heardStates(73, 12, 16);
    assertThat(enough).isEqualTo(38); // frame 11 hears between states 36 and 37
    assertThat(SoundFeatures.heard(states.slice(0, enough), 73, 0, 12, 16).toFloats())
        .isEqualTo(SoundFeatures.heard(states, 73, 0, 12, 16).toFloats());
    assertThat(SoundFeatures.heardStates(73, 32, 16)).isEqualTo(73);
    assertThat(SoundFeatures.heardStates(0, 32, 16)).isZero();
    assertThat(SoundFeatures.count(399)).isZero();
    assertThat(SoundFeatures.count(48_000)).isEqualTo(89);
  }
}
