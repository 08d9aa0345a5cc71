package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.media.Picture;
import wan4j.model.Conditions;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// What the network sees beside the sample: which frames are given, and their latents.
final class ImageToVideoTest {
  private static final int SIDE = 32;
  private static final int FRAMES = 9;

  @Test
  void theFirstFrameOrBothEndsAreGiven() {
    try (Ops ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(Path.of("demo/checkpoint/i2v"));
        VideoAutoencoder vae = new WanVae21(checkpoint.vae(), ops);
        var _ = ops.scope()) {
      Picture red = picture(200, 10);
      Picture blue = picture(20, 180);
      check(ops, vae, new ImageToVideo(red, (long) SIDE * SIDE, FRAMES), red, null);
      check(ops, vae, new ImageToVideo(red, blue, (long) SIDE * SIDE, FRAMES), red, blue);
    }
  }

  private static void check(
      Ops ops, VideoAutoencoder vae, ImageToVideo course, Picture first, Picture last) {
    Shape shape = course.latents(vae);
    Prompts prompts = new Prompts(Tensor.of(new float[4], 1, 4), Tensor.of(new float[4], 1, 4));
    Conditioning conditioning = course.conditioning(ops, vae, shape, prompts, Clip.FIRST);
    Tensor seen = ops.download(((Conditions.Scene) conditioning.conditional()).beside().getFirst());
    assertThat(seen.shape()).isEqualTo(Shape.of(4 + vae.channels(), 3, 4, 4));
    for (int channel = 0; channel < 4; channel++) { // frames of each latent frame
      for (int frame = 0; frame < 3; frame++) {
        boolean isGiven = frame == 0 || (last != null && frame == 2 && channel == 3);
        assertThat(seen.at(channel).at(frame).toFloats())
            .as("mask of channel %d in latent frame %d", channel, frame)
            .containsOnly(isGiven ? 1 : 0);
      }
    }
    float[] video = new float[3 * FRAMES * SIDE * SIDE]; // grey where nothing is given
    fill(video, first, 0);
    if (last != null) {
      fill(video, last, FRAMES - 1);
    }
    Tensor pixels = Tensor.of(video, 3, FRAMES, SIDE, SIDE);
    Tensor expected = ops.download(vae.encode(ops.upload(pixels, DType.F32)));
    assertThat(seen.slice(4, vae.channels()).toFloats()).isEqualTo(expected.toFloats());
  }

  private static void fill(float[] video, Picture picture, int frame) {
    for (int channel = 0; channel < 3; channel++) {
      int start = (channel * FRAMES + frame) * SIDE * SIDE;
      float value = ((picture.rgb()[channel] & 0xFF) / 255f - 0.5f) / 0.5f;
      Arrays.fill(video, start, start + SIDE * SIDE, value);
    }
  }

  private static Picture picture(int red, int blue) {
    byte[] pixels = new byte[3 * SIDE * SIDE];
    for (int i = 0; i < pixels.length; i += 3) {
      pixels[i] = (byte) red;
      pixels[i + 2] = (byte) blue;
    }
    return new Picture(SIDE, SIDE, pixels);
  }

  @Test
  void oneFrameHasNoOtherLast() {
    Picture picture = picture(1, 2);
    assertThatThrownBy(() -> new ImageToVideo(picture, picture, 64, 1))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave out --last_image");
  }
}
