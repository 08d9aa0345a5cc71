package wan4j.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import wan4j.demo.DrawnFace.Ground;
import wan4j.demo.DrawnFace.Hair;
import wan4j.demo.MotionCheck.Color;
import wan4j.media.FrameBuffer;
import wan4j.media.Sound;
import wan4j.tensor.Tensor;

final class MouthCheckTest {
  private static final int FRAMES = 12;
  private static final int FIRST = 3;
  private static final int FRAME_SAMPLES = 1000;

  /// Of brown ground, which is nearer to the mouth's colour than any other.
  private static final DrawnFace FACE = new DrawnFace(Color.GREEN, Hair.BROWN, Ground.BROWN, 1);

  @Test
  void aMouthThatOpensWithTheLoudnessFollowsItsSound() {
    MouthCheck check = MouthCheck.of(frames(loud -> loud), sound(), FIRST);
    assertThat(check.correlation()).isGreaterThan(0.97);
    assertThat(check.passes()).isTrue();
  }

  @Test
  void aMouthOfAnotherMomentOrTheOppositeOrOneThatStaysDoesNot() {
    assertThat(MouthCheck.of(frames(loud -> loud), sound(), 0).passes()).isFalse();
    assertThat(MouthCheck.of(frames(loud -> 1 - loud), sound(), FIRST).correlation())
        .isLessThan(-0.9);
    assertThat(MouthCheck.of(frames(_ -> 0.5), sound(), FIRST).correlation()).isZero();
    Tensor dark = Tensor.of(new byte[FRAMES * 8 * 8 * 3], FRAMES, 8, 8, 3);
    assertThat(MouthCheck.of(dark, sound(), FIRST).correlation()).isZero();
  }

  @Test
  void openingsAreRowsOfTheMouth() {
    double[] rows = MouthCheck.openings(frames(loud -> loud));
    for (int t = 0; t < FRAMES; t++) {
      // an ellipse of 0.012 + 0.085 * opening of 64 rows to either side of its middle
      assertThat(rows[t]).isBetween(128 * (0.012 + 0.085 * loudness(t)) * 0.5 - 1.5, 8.0 + 6);
    }
  }

  /// How loud the sound is at a frame of the video, 0 to 1.
  private static double loudness(int frame) {
    return 0.5 + 0.5 * Math.sin(2.1 * frame) * Math.cos(0.3 * frame);
  }

  private static Tensor frames(DoubleUnaryOperator opening) {
    FrameBuffer video = new FrameBuffer();
    for (int t = 0; t < FRAMES; t++) {
      Tensor pixels = FACE.picture(64, opening.applyAsDouble(loudness(t))).pixels();
      video.accept(pixels.reshape(1, 64, 64, 3));
    }
    return video.frames();
  }

  private static Sound sound() {
    float[] samples = new float[(FIRST + FRAMES + 1) * FRAME_SAMPLES];
    for (int i = 0; i < samples.length; i++) {
      int frame = (i + FRAME_SAMPLES / 2) / FRAME_SAMPLES;
      samples[i] = (float) (loudness(frame - FIRST) * Math.sin(0.1 * i));
    }
    return Sound.of(16_000, samples);
  }
}
