package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

/// What a clip remembers of the frames before it.
final class LastFramesTest {
  private int made;

  @Test
  void theLastFramesAreKeptInOrderAndClamped() {
    LastFrames last = new LastFrames(5);
    assertThat(last.frames()).isNull();
    last.add(frames(1));
    assertThat(values(last)).containsExactly(0f, 0f, 0f);
    last.add(frames(4));
    last.add(frames(3));
    assertThat(last.frames().shape().toArray()).containsExactly(3, 5, 1, 2);
    // frame i holds i / 10 and beyond [-1, 1], in red, green and blue alike but for the sign
    assertThat(values(last))
        .containsExactly(
            0.3f, 0.4f, 0.5f, 0.6f, 0.7f, -0.3f, -0.4f, -0.5f, -0.6f, -0.7f, 0.3f, 0.4f, 0.5f, 0.6f,
            0.7f);
    float[] all = last.frames().toFloats();
    assertThat(all[1]).isEqualTo(1);
    assertThat(all[11]).isEqualTo(-1);
  }

  /// Returns the first pixel of each frame, channel by channel.
  private static float[] values(LastFrames last) {
    float[] all = last.frames().toFloats();
    float[] first = new float[all.length / 2];
    for (int i = 0; i < first.length; i++) {
      first[i] = all[2 * i] + 0f; // no negative zero
    }
    return first;
  }

  private Tensor frames(int count) {
    float[] values = new float[3 * count * 2];
    for (int channel = 0; channel < 3; channel++) {
      for (int frame = 0; frame < count; frame++) {
        int at = (channel * count + frame) * 2;
        float sign = channel == 1 ? -1 : 1;
        values[at] = sign * (made + frame) / 10f;
        values[at + 1] = sign * (1.5f + frame);
      }
    }
    made += count;
    return Tensor.of(values, 3, count, 1, 2);
  }
}
