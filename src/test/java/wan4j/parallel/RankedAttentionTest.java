package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.cpu.CpuOps;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionInput;
import wan4j.ops.AttentionSchedule;
import wan4j.ops.ForwardPass;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Scope;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// Ranks that exchange in the format of their attention do what one rank does alone.
final class RankedAttentionTest {
  private static final int RANKS = 4;
  private static final int TOKENS = 207;
  private static final int HEADS = 12;
  private static final int SIZE = 32;
  private static final int DIM = HEADS * SIZE;
  private static final double SCALE = 0.1;

  static Stream<Arguments> formats() {
    return Stream.concat(Stream.of(AttentionFormat.Simple.PLAIN), Stream.of(EightBit.values()))
        .flatMap(format ->
            Stream.of(List.of(3), List.of(1, 1, 1), List.of(2, 1))
                .map(groups -> Arguments.of(format, groups)));
  }

  /// No rank's tokens are whole groups, and their numbers differ; heads travel together or apart.
  @ParameterizedTest
  @MethodSource("formats")
  void ranksGiveWhatOneGives(AttentionFormat format, List<Integer> groups) {
    Tensor qkv = values(1, TOKENS, 3L * DIM);
    Tensor norm = values(2, DIM);
    Tensor rope = values(3, TOKENS, SIZE);
    SequenceGroup solo = SequenceGroup.solo(new AttentionSchedule(format, 0, 0, Set.of()));
    float[] alone;
    try (CpuOps ops = new CpuOps()) {
      alone = attended(ops, solo, qkv, norm, rope);
    }
    List<float[]> together =
        Ranks.run(
            RANKS,
            Duration.ofMinutes(1),
            (meeting, rank) -> {
              try (CpuOps ops = new CpuOps()) {
                LocalCollectives collectives = new LocalCollectives(ops, meeting, rank);
                SequenceGroup group = new UlyssesGroup(collectives, solo, _ -> groups);
                return attended(ops, group, group.share(ops, qkv), norm, group.share(ops, rope));
              }
            });
    int at = 0;
    for (float[] got : together) {
      float[] expected = Arrays.copyOfRange(alone, at, at + got.length);
      assertThat(Comparison.relativeError(got, expected)).isLessThan(1e-6);
      at += got.length;
    }
    assertThat(at).isEqualTo(alone.length);
  }

  private static float[] attended(
      Ops ops, SequenceGroup group, Tensor qkv, Tensor norm, Tensor rope) {
    try (Scope _ = ops.scope()) {
      Tensor spare = ops.empty(DType.F32, qkv.length(0), DIM);
      AttentionFormat format = group.format(ForwardPass.only(Branch.CONDITIONAL), 0);
      AttentionInput input = ops.attentionInput(format, HEADS, spare, group);
      Tensor weight = ops.upload(norm, DType.F32);
      ops.queryKeyValue(
          ops.upload(qkv, DType.F32),
          weight,
          weight,
          1e-6,
          ops.upload(rope, DType.F32),
          group,
          input);
      Operand result = group.attention(ops, input, SCALE, OperandFormat.Simple.PLAIN);
      return ops.download(result.values()).toFloats();
    }
  }

  private static Tensor values(long seed, long... sizes) {
    Random random = new Random(seed);
    float[] values = new float[(int) Arrays.stream(sizes).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(BFloat16.fromFloat((float) random.nextGaussian() + 0.5f));
    }
    return Tensor.of(values, sizes);
  }
}
