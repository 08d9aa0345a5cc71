package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.media.FrameConversion;
import wan4j.media.Picture;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// The colours of latents, fitted to the trained autoencoder of the demo, are near those of a
/// picture that the fit has not seen: patches of random colours, since what that autoencoder makes
/// of the large areas and few colours of its own clips is far from linear.
final class LatentColorsTest {
  private static final int SIDE = 192;
  private static final int PATCH = 48;

  @Test
  void aPictureIsRecognisedInItsLatents() {
    try (Ops ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(Path.of("demo/checkpoint/i2v"));
        VideoAutoencoder vae = new WanVae21(checkpoint.vae(), ops);
        var _ = ops.scope()) {
      Picture picture = patches();
      int stride = vae.stride();
      int width = picture.width() / stride;
      int height = picture.height() / stride;
      var cut = picture.crop(0, 0, width * stride, height * stride);
      Tensor pixels = FrameConversion.toFloats(cut).reshape(3, 1, cut.height(), cut.width());
      Tensor latents = ops.download(vae.encode(ops.upload(pixels, DType.F32)));
      Tensor frames = LatentColors.fit(ops, vae).frames(latents);
      assertThat(frames.shape().toArray()).containsExactly(1, height, width, 3);
      float[] shown = frames.toFloats();
      float[] means = new float[shown.length];
      float[] all = cut.pixels().toFloats();
      double total = 0;
      for (int y = 0; y < height * stride; y++) {
        for (int x = 0; x < width * stride; x++) {
          for (int color = 0; color < 3; color++) {
            float value = all[(y * width * stride + x) * 3 + color] / (stride * stride);
            means[(y / stride * width + x / stride) * 3 + color] += value;
            total += value / means.length;
          }
        }
      }
      double error = 0;
      double spread = 0;
      for (int i = 0; i < means.length; i++) {
        error += Math.pow(means[i] - shown[i], 2);
        spread += Math.pow(means[i] - total, 2);
      }
      // the map explains most of the picture; a wrong order of colours or axes explains none of it
      assertThat(error / spread).isLessThan(0.2);
    }
  }

  private static Picture patches() {
    byte[] rgb = new byte[SIDE * SIDE * 3];
    int across = SIDE / PATCH;
    byte[] colors = new byte[across * across * 3];
    new Random(7).nextBytes(colors);
    for (int i = 0; i < rgb.length; i++) {
      int x = i / 3 % SIDE;
      int y = i / 3 / SIDE;
      rgb[i] = colors[(y / PATCH * across + x / PATCH) * 3 + i % 3];
    }
    return new Picture(SIDE, SIDE, rgb);
  }
}
