package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomWeights;
import wan4j.cpu.CpuOps;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// Ranks that take the pieces of a video in turn encode and decode what one does.
final class SharedAutoencoderTest {
  private record Made(float[] latents, TreeMap<Integer, float[]> frames) {}

  @ParameterizedTest
  @CsvSource({"2, 37, false", "3, 29, false", "2, 17, true", "4, 9, true"})
  void ranksMakeWhatOneMakes(int ranks, int frames, boolean isNew) {
    Made alone = make(new CpuOps(), null, frames, isNew);
    List<Made> together =
        Ranks.run(
            ranks,
            Duration.ofSeconds(120),
            (meeting, rank) -> {
              CpuOps ops = new CpuOps();
              return make(ops, new LocalCollectives(ops, meeting, rank), frames, isNew);
            });
    TreeMap<Integer, float[]> all = new TreeMap<>();
    boolean isLongEnough = frames / 4 >= 2 * ranks;
    assertThat(together.getLast().frames.containsKey(0)).isEqualTo(!isLongEnough);
    for (Made made : together) {
      assertThat(Comparison.relativeError(made.latents, alone.latents)).isLessThan(1e-5);
      all.putAll(made.frames);
    }
    assertThat(Comparison.relativeError(joined(all), joined(alone.frames))).isLessThan(1e-5);
  }

  private static Made make(Ops ops, Collectives ranks, int frames, boolean isNew) {
    try (ops;
        VideoAutoencoder vae =
            isNew
                ? new WanVae22(RandomWeights.vae22(4, 4), ops)
                : new WanVae21(RandomWeights.vae21(4), ops);
        var _ = ops.scope()) {
      vae.cutInto(1); // pieces of one latent frame, or twice as many where ranks take turns
      vae.shareWith(ranks);
      int size = 2 * vae.stride();
      Tensor latents = vae.encode(ops.upload(video(frames, size), DType.F32));
      TreeMap<Integer, float[]> pieces = new TreeMap<>();
      vae.decode(
          latents, (first, features) -> pieces.put(first, ops.download(features).toFloats()));
      return new Made(ops.download(latents).toFloats(), pieces);
    }
  }

  private static float[] joined(TreeMap<Integer, float[]> pieces) {
    int count = pieces.values().stream().mapToInt(piece -> piece.length).sum();
    float[] all = new float[count];
    int at = 0;
    for (float[] piece : pieces.values()) {
      System.arraycopy(piece, 0, all, at, piece.length);
      at += piece.length;
    }
    return all;
  }

  private static Tensor video(int frames, int size) {
    float[] values = new float[3 * frames * size * size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(0.37 * i + i % 7);
    }
    return Tensor.of(values, 3, frames, size, size);
  }
}
