package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.Checkpoint;

final class VideoAutoencoderTest {
  private static final Path CHECKPOINTS = Path.of("src/test/resources/golden/ckpt");

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Result(List<Integer> pieces, float[] video, float[] latents) {}

  @ParameterizedTest
  @ValueSource(strings = {"t2v-tiny", "ti2v-tiny"})
  void whereAVideoIsCutDoesNotShow(String checkpoint) {
    Result whole = run(checkpoint, VideoAutoencoder.USUAL_PIECE);
    Result cut = run(checkpoint, 1);
    assertThat(whole.pieces).containsExactly(1, 12);
    assertThat(cut.pieces).containsExactly(1, 4, 4, 4);
    assertThat(Comparison.relativeError(cut.video, whole.video)).isLessThan(1e-5);
    assertThat(Comparison.relativeError(cut.latents, whole.latents)).isLessThan(1e-5);
  }

  private static Result run(String checkpoint, long piece) {
    try (Ops ops = new CpuOps();
        Checkpoint files = Checkpoint.open(CHECKPOINTS.resolve(checkpoint));
        VideoAutoencoder vae =
            files.hasVae22() ? new WanVae22(files.vae(), ops) : new WanVae21(files.vae(), ops);
        var _ = ops.scope()) {
      vae.cutInto(piece);
      int side = 4 * vae.stride();
      List<Integer> pieces = new ArrayList<>();
      float[] video = new float[13 * side * side * 3];
      Tensor latents = ops.upload(waves(vae.channels(), 4, 4, 4), DType.F32);
      vae.decode(
          latents,
          (first, features) -> {
            pieces.add(features.length(0));
            float[] values = ops.download(features).toFloats();
            System.arraycopy(values, 0, video, first * side * side * 3, values.length);
          });
      Tensor encoded = vae.encode(ops.upload(waves(3, 13, side, side), DType.F32));
      return new Result(pieces, video, ops.download(encoded).toFloats());
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
