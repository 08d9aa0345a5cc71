package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Collectives;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;

/// Ranks make what one makes, on every backend and with every kind of exchange.
public abstract class RanksContract {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /// Returns a new backend for a rank, which the test closes.
  protected abstract Ops ops(int rank);

  /// Returns a rank's part in the exchange of those that meet.
  protected abstract Collectives collectives(Ops ops, Meeting meeting, int rank);

  /// Returns the relative error that other orders of sums explain.
  protected abstract double tolerance();

  /// Returns the largest number of ranks.
  protected int most() {
    return 8;
  }

  /// 3 x 3 x 5 tokens, which divide among 1, 3 and 5 ranks alone.
  @ParameterizedTest
  @CsvSource({"1, 40, 16", "2, 40, 16", "4, 40, 16", "5, 40, 16", "8, 40, 16", "3, 24, 48"})
  void ranksGoForwardAsOneDoes(int ranks, int heads, int channels) {
    requireSame(ranks, (ops, group) -> forward(ops, group, heads, channels));
  }

  /// Of 352 tokens the sample's 192 come first, 64 a latent frame: ranks cut frames in two, and
  /// some have none of the sample's.
  @ParameterizedTest
  @CsvSource({"2", "4", "8"})
  void ranksHearTheSoundOfEachFrameAsOneDoes(int ranks) {
    requireSame(ranks, RanksContract::hearing);
  }

  private void requireSame(int ranks, BiFunction<Ops, SequenceGroup, Tensor> forward) {
    assumeTrue(ranks <= most(), () -> "there are %d GPUs".formatted(most()));
    Tensor alone = forward.apply(ops(0), SequenceGroup.SOLO);
    List<Tensor> together =
        Ranks.run(
            ranks,
            LIMIT,
            (meeting, rank) -> {
              Ops ops = ops(rank);
              try (Collectives own = collectives(ops, meeting, rank)) {
                return forward.apply(ops, new UlyssesGroup(own, SequenceGroup.SOLO));
              }
            });
    assertThat(together).hasSize(ranks);
    for (Tensor made : together) {
      assertThat(Comparison.relativeError(made.toFloats(), alone.toFloats()))
          .isLessThan(tolerance());
    }
  }

  private static Tensor forward(Ops ops, SequenceGroup group, int heads, int channels) {
    TransformerConfig config =
        new TransformerConfig(
            "t2v", channels, channels, heads * 8, 96, 32, 24, 7, heads, 2, 1, 2, 2, 1e-6);
    PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
    try (DiffusionNetwork network =
            DiffusionNetwork.load(config, RandomWeights.transformer(config, 1), ops, group, table);
        var _ = ops.scope()) {
      Tensor sample = ops.upload(waves(channels, 3, 6, 10), DType.F32);
      Conditions scene = new Conditions.Scene(waves(5, 24), List.of(), 1);
      return forward(ops, network, sample, scene);
    }
  }

  private static Tensor hearing(Ops ops, SequenceGroup group) {
    SpeechConfig speech =
        new SpeechConfig(3, 16, 4, Map.of(0, 0, 1, 1), true, SpeechConfig.Packing.WHOLE);
    TransformerConfig config =
        new TransformerConfig("s2v", 16, 16, 64, 96, 32, 24, 7, 8, 2, 1, 2, 2, 1e-6, speech);
    PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
    try (DiffusionNetwork network =
            DiffusionNetwork.load(config, RandomWeights.transformer(config, 1), ops, group, table);
        var _ = ops.scope()) {
      Tensor sample = ops.upload(waves(16, 3, 16, 16), DType.F32);
      return forward(ops, network, sample, RandomConditions.of(ops, config, sample.shape(), true));
    }
  }

  private static Tensor forward(
      Ops ops, DiffusionNetwork network, Tensor sample, Conditions conditions) {
    DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
    network.read(conditions, Branch.CONDITIONAL, prepared);
    ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, 0, 1);
    return ops.download(network.forward(sample, 500, pass, prepared, BlockRun.ALWAYS));
  }

  private static Tensor waves(int... sizes) {
    long[] shape = Arrays.stream(sizes).asLongStream().toArray();
    float[] values = new float[Arrays.stream(sizes).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(0.7 * i + 0.01 * i % 3);
    }
    return Tensor.of(values, shape);
  }

  @SuppressWarnings("ArrayRecordComponent") // read by one test, never compared
  private record Made(float[] latents, Map<Integer, float[]> frames) {}

  @ParameterizedTest
  @CsvSource({"2, 37, false", "3, 29, false", "2, 17, true", "4, 9, true"})
  void ranksEncodeAndDecodeAsOneDoes(int ranks, int frames, boolean isNew) {
    assumeTrue(ranks <= most(), () -> "there are %d GPUs".formatted(most()));
    Made alone = make(ops(0), null, frames, isNew);
    List<Made> together =
        Ranks.run(
            ranks,
            LIMIT,
            (meeting, rank) -> {
              Ops ops = ops(rank);
              try (Collectives own = collectives(ops, meeting, rank)) {
                return make(ops, own, frames, isNew);
              }
            });
    TreeMap<Integer, float[]> all = new TreeMap<>();
    boolean isLongEnough = frames / 4 >= 2 * ranks;
    assertThat(together.getFirst().frames).containsKey(0);
    assertThat(together.getLast().frames.isEmpty()).isEqualTo(!isLongEnough);
    for (Made made : together) {
      assertThat(Comparison.relativeError(made.latents, alone.latents)).isLessThan(tolerance());
      all.putAll(made.frames);
    }
    assertThat(Comparison.relativeError(joined(all), joined(alone.frames))).isLessThan(tolerance());
  }

  private static Made make(Ops ops, Collectives ranks, int frames, boolean isNew) {
    try (VideoAutoencoder vae =
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

  private static float[] joined(Map<Integer, float[]> pieces) {
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
    return waves(3, frames, size, size);
  }
}
