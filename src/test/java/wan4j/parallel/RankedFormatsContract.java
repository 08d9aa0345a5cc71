package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionSchedule;
import wan4j.ops.Collectives;
import wan4j.ops.ForwardPass;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.TransformerConfig;

/// Ranks go forward in a backend's usual arithmetic, in FP8 and with attention in 8 bits as well as
/// one rank does, with heads that travel together, and one by one beside attention.
public abstract class RankedFormatsContract {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /// Returns a new backend for a rank, which closes with the process.
  protected abstract Ops ops(int rank);

  /// Returns a rank's part in the exchange of those that meet, which runs beside other work where
  /// it can.
  protected abstract Collectives collectives(Ops ops, Meeting meeting, HostExchange host);

  /// Returns the error that other orders of sums explain in the plain arithmetic.
  protected abstract double tolerance();

  /// Returns the elements of a head, as many as the backend's attention in 8 bits wants.
  protected int headSize() {
    return 128;
  }

  /// Returns the largest number of ranks.
  protected int most() {
    return 8;
  }

  /// 3 x 3 x 5 tokens, whose errors against the plain arithmetic are at most 1.2 times one rank's.
  @ParameterizedTest
  @CsvSource({
    "PLAIN, PLAIN, '2, 4, 8', 8",
    "PLAIN, PLAIN, 5, 5",
    "FLOAT8_TOKEN, PLAIN, '2, 8', 8",
    "FLOAT8_CURRENT, INT8, '2, 4', 8",
    "FLOAT8_TOKEN, INT8, 5, 5",
  })
  void ranksErrAsOneDoes(Precision recipe, String attention, String counts, int heads) {
    AttentionFormat format =
        attention.equals("PLAIN") ? AttentionFormat.Simple.PLAIN : EightBit.valueOf(attention);
    List<Integer> possible =
        Stream.of(counts.split(", ", -1)).map(Integer::valueOf).filter(n -> n <= most()).toList();
    assumeTrue(!possible.isEmpty(), () -> "there are %d GPUs".formatted(most()));
    SequenceGroup solo = SequenceGroup.solo(new AttentionSchedule(format, 0, 0, Set.of()));
    float[] plain = forward(ops(0), SequenceGroup.SOLO, Precision.PLAIN, heads);
    float[] alone = forward(ops(0), solo, recipe, heads);
    double own = Comparison.relativeError(alone, plain);
    for (int ranks : possible) {
      for (boolean isApart : new boolean[] {false, true}) {
        List<float[]> together =
            Ranks.run(
                ranks,
                LIMIT,
                (meeting, rank) -> {
                  Ops ops = ops(rank);
                  HostExchange host = new MeetingExchange(meeting, rank, LIMIT);
                  try (Collectives others = collectives(ops, meeting, host)) {
                    SequenceGroup group =
                        new UlyssesGroup(
                            others,
                            solo,
                            groups ->
                                isApart
                                    ? Collections.nCopies(groups.heads(), 1)
                                    : List.of(groups.heads()));
                    return forward(ops, group, recipe, heads);
                  }
                });
        for (float[] made : together) {
          assertThat(made).isEqualTo(together.getFirst());
          assertThat(Comparison.relativeError(made, plain))
              .as("%d ranks, heads apart: %s", ranks, isApart)
              .isLessThan(Math.max(1.2 * own, tolerance()));
        }
      }
    }
  }

  private float[] forward(Ops ops, SequenceGroup group, Precision recipe, int heads) {
    TransformerConfig config =
        new TransformerConfig(
            "t2v", 16, 16, heads * headSize(), 512, 32, 24, 7, heads, 2, 1, 2, 2, 1e-6);
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    try (DiffusionNetwork network =
            DiffusionNetwork.load(config, RandomWeights.transformer(config, 1), ops, group, table);
        var _ = ops.scope()) {
      Tensor sample = ops.upload(noise(16, 3, 6, 10), DType.F32);
      Conditions conditions = RandomConditions.of(ops, config, sample.shape(), false);
      DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, 0, 1);
      return ops.download(network.forward(sample, 500, pass, prepared, BlockRun.ALWAYS)).toFloats();
    }
  }

  private static Tensor noise(int channels, int frames, int height, int width) {
    Random random = new Random(4);
    float[] values = new float[channels * frames * height * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, channels, frames, height, width);
  }
}
