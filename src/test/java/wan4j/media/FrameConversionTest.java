package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

final class FrameConversionTest {
  @Test
  void valuesAreClampedAndTruncatedNotRounded() {
    float almost = 2 * 100.99f / 255 - 1;
    Tensor video = Tensor.of(new float[] {-7, -1, almost, 0, 1, 3}, 3, 1, 1, 2);
    byte[] bytes = FrameConversion.toBytes(video).segment().toArray(ValueLayout.JAVA_BYTE);
    assertThat(bytes).containsExactly(0, 100, (byte) 255, 0, 127, (byte) 255);
  }

  @Test
  void channelsMoveFromPlanesToPixels() {
    Tensor video = FrameConversion.toFloats(Tensor.of(counting(2 * 3 * 4 * 3), 2, 3, 4, 3));
    assertThat(video.shape().toArray()).containsExactly(3, 2, 3, 4);
    float[] values = video.toFloats();
    // Frame 1, row 2, column 3, blue.
    assertThat(values[2 * 24 + 12 + 2 * 4 + 3]).isEqualTo((71 / 255f - 0.5f) / 0.5f);
  }

  @Test
  void bytesSurviveTheWayToFloatsAndBackWithinTruncation() {
    Tensor frames = Tensor.of(counting(256 * 3), 1, 16, 16, 3);
    byte[] back =
        FrameConversion.toBytes(FrameConversion.toFloats(frames))
            .segment()
            .toArray(ValueLayout.JAVA_BYTE);
    for (int i = 0; i < back.length; i++) {
      // Truncation may lose one where the float lies a hair below the integer.
      assertThat((i & 0xFF) - (back[i] & 0xFF)).isBetween(0, 1);
    }
  }

  @Test
  void aTensorThatIsNoVideoIsRefused() {
    assertThatThrownBy(() -> FrameConversion.toBytes(Tensor.of(new float[4], 1, 1, 2, 2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[1, 1, 2, 2]");
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
