package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cuda.bind.Cuda;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.Checkpoint;

/// Where the autoencoders cut a video shows in no more than the rounding of another order of sums.
final class CudaAutoencoderTest {
  private static final Path CHECKPOINTS = Path.of("src/test/resources/golden/ckpt");

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @ParameterizedTest
  @CsvSource({"t2v-tiny, true, 1e-2", "t2v-tiny, false, 1e-5", "ti2v-tiny, true, 1e-2"})
  void whereAVideoIsCutHardlyShows(String checkpoint, boolean isBfloat16, double bound) {
    CudaTypes types = isBfloat16 ? CudaTypes.BFLOAT16 : CudaTypes.FLOAT32;
    float[] whole = latents(checkpoint, types, VideoAutoencoder.USUAL_PIECE);
    assertThat(Comparison.relativeError(latents(checkpoint, types, 1), whole)).isLessThan(bound);
    assertThat(latents(checkpoint, types, VideoAutoencoder.USUAL_PIECE)).isEqualTo(whole);
  }

  private static float[] latents(String checkpoint, CudaTypes types, long piece) {
    try (Ops ops = new CudaOps(Cuda.device().ordinal(), types);
        Checkpoint files = Checkpoint.open(CHECKPOINTS.resolve(checkpoint));
        VideoAutoencoder vae =
            files.hasVae22() ? new WanVae22(files.vae(), ops) : new WanVae21(files.vae(), ops);
        var _ = ops.scope()) {
      vae.cutInto(piece);
      int side = 4 * vae.stride();
      Tensor video = ops.upload(waves(3, 13, side, side), DType.F32);
      return ops.download(vae.encode(video)).toFloats();
    }
  }

  private static Tensor waves(long... sizes) {
    float[] values = new float[Math.toIntExact(Shape.of(sizes).count())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(0.37 * i + 0.01 * (i % 89));
    }
    return Tensor.of(values, sizes);
  }
}
