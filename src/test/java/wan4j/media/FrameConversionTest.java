package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

final class FrameConversionTest {
  @Test
  void channelsMoveFromPlanesToPixels() {
    Tensor video = FrameConversion.toFloats(Tensor.of(counting(2 * 3 * 4 * 3), 2, 3, 4, 3));
    assertThat(video.shape().toArray()).containsExactly(3, 2, 3, 4);
    float[] values = video.toFloats();
    // Frame 1, row 2, column 3, blue.
    assertThat(values[2 * 24 + 12 + 2 * 4 + 3]).isEqualTo((71 / 255f - 0.5f) / 0.5f);
  }

  @Test
  void aTensorThatIsNoVideoIsRefused() {
    assertThatThrownBy(() -> FrameConversion.toFloats(Tensor.of(new byte[4], 1, 1, 1, 4)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[1, 1, 1, 4]");
  }

  private static byte[] counting(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }
}
