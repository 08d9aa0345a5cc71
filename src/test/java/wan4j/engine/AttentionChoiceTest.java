package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.AttentionSettings;
import wan4j.AttentionSettings.Attention;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.ForwardPass;
import wan4j.quant.Branch;
import wan4j.tensor.DType;

final class AttentionChoiceTest {
  @Test
  void autoIsInt8OnlyBesideFloat8LayersWhereThereAreKernelsForIt() {
    assertThat(AttentionChoice.settled(Attention.AUTO, DType.BF16, 128, true))
        .isEqualTo(Attention.INT8);
    assertThat(AttentionChoice.settled(Attention.AUTO, DType.BF16, 128, false))
        .isEqualTo(Attention.BF16);
    assertThat(AttentionChoice.settled(Attention.AUTO, DType.BF16, 64, true))
        .isEqualTo(Attention.BF16);
    assertThat(AttentionChoice.settled(Attention.AUTO, DType.F32, 128, true))
        .isEqualTo(Attention.BF16);
  }

  @ParameterizedTest
  @EnumSource(value = Attention.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
  void whatWasChosenStays(Attention attention) {
    assertThat(AttentionChoice.settled(attention, DType.BF16, 128, true)).isEqualTo(attention);
    assertThat(AttentionChoice.settled(attention, DType.F32, 64, false)).isEqualTo(attention);
  }

  @Test
  void aScheduleKeepsItsStepsAndLayers() {
    AttentionSettings settings = AttentionSettings.of("int8", "first=1,layers=3");
    var schedule = AttentionChoice.schedule(settings.with(Attention.FP8));
    assertThat(schedule.format(new ForwardPass(Branch.CONDITIONAL, 0, 4), 0))
        .isEqualTo(AttentionFormat.Simple.PLAIN);
    assertThat(schedule.format(new ForwardPass(Branch.CONDITIONAL, 1, 4), 0))
        .isEqualTo(EightBit.FLOAT8);
    assertThat(schedule.format(new ForwardPass(Branch.CONDITIONAL, 1, 4), 3))
        .isEqualTo(AttentionFormat.Simple.PLAIN);
  }
}
