package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomWeights;
import wan4j.cpu.CpuOps;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.TransformerConfig;

/// Ranks on threads make what one rank makes.
final class UlyssesGroupTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /// 3 x 3 x 5 tokens, which divide among 1, 3 and 5 ranks alone.
  @ParameterizedTest
  @CsvSource({"1, 40, 16", "2, 40, 16", "4, 40, 16", "5, 40, 16", "8, 40, 16", "3, 24, 48"})
  void ranksMakeWhatOneMakes(int ranks, int heads, int channels) {
    Tensor alone = forward(new CpuOps(), SequenceGroup.SOLO, heads, channels);
    List<Tensor> together =
        Ranks.run(
            ranks,
            LIMIT,
            (meeting, rank) -> {
              CpuOps ops = new CpuOps();
              LocalCollectives collectives = new LocalCollectives(ops, meeting, rank);
              return forward(
                  ops, new UlyssesGroup(collectives, SequenceGroup.SOLO), heads, channels);
            });
    assertThat(together).hasSize(ranks);
    for (Tensor made : together) {
      assertThat(Comparison.relativeError(made.toFloats(), alone.toFloats())).isLessThan(1e-5);
    }
  }

  @Test
  void headsThatDoNotDivideAreRefusedWithThoseThatDo() {
    assertThatThrownBy(() -> UlyssesGroup.require(24, 5))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--ulysses_size got 5, but the model has 24 attention heads; give one of 1, 2, 3, 4, 6,"
                + " 8, 12, 24");
  }

  @Test
  void aRankThatFailsEndsTheOthers() {
    assertThatThrownBy(() ->
            Ranks.run(
                3,
                LIMIT,
                (meeting, rank) -> {
                  CpuOps ops = new CpuOps();
                  LocalCollectives collectives = new LocalCollectives(ops, meeting, rank);
                  if (rank == 1) {
                    throw new InputException("no memory is left");
                  }
                  SequenceGroup group = new UlyssesGroup(collectives, SequenceGroup.SOLO);
                  return forward(ops, group, 24, 16);
                }))
        .isInstanceOf(RankException.class)
        .hasMessage("rank 1 of 3 failed: no memory is left");
  }

  @Test
  void aRankThatDoesNotComeIsNamed() {
    assertThatThrownBy(() ->
            Ranks.run(
                2,
                Duration.ofSeconds(1),
                (meeting, rank) -> {
                  CpuOps ops = new CpuOps();
                  SequenceGroup group =
                      new UlyssesGroup(
                          new LocalCollectives(ops, meeting, rank), SequenceGroup.SOLO);
                  return rank == 1 ? null : forward(ops, group, 24, 16);
                }))
        .isInstanceOf(RankException.class)
        .hasMessage("rank 1 of 2 did not come to an exchange within 1 s");
  }

  private static Tensor forward(Ops ops, SequenceGroup group, int heads, int channels) {
    TransformerConfig config =
        new TransformerConfig(
            "t2v", channels, channels, heads * 8, 96, 32, 24, 7, heads, 2, 1, 2, 2, 1e-6);
    PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
    try (ops;
        DiffusionNetwork network =
            DiffusionNetwork.load(config, RandomWeights.transformer(config, 1), ops, group, table);
        var _ = ops.scope()) {
      Tensor sample = ops.upload(waves(channels, 3, 6, 10), DType.F32);
      DiffusionNetwork.Prepared prepared = network.prepare(sample.shape());
      network.read(new Conditions.Scene(waves(5, 24), List.of(), 1), Branch.CONDITIONAL, prepared);
      ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, 0, 1);
      return ops.download(network.forward(sample, 500, pass, prepared, BlockRun.ALWAYS));
    }
  }

  private static Tensor waves(int... sizes) {
    long[] shape = Arrays.stream(sizes).asLongStream().toArray();
    float[] values = new float[Arrays.stream(sizes).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(0.7 * i + 0.01 * i % 3);
    }
    return Tensor.of(values, shape);
  }
}
