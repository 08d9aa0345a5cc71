package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.AttentionSettings.Attention;
import wan4j.tensor.InputException;

/// What --attention and --attention_schedule name.
final class AttentionSettingsTest {
  @ParameterizedTest
  @EnumSource(Attention.class)
  void everyAttentionHasAName(Attention attention) {
    assertThat(Attention.of(attention.spelling())).isEqualTo(attention);
  }

  @Test
  void wan4jIsAnAliasOfBf16() {
    assertThat(Attention.of("wan4j")).isEqualTo(Attention.BF16);
  }

  @Test
  void otherNamesAreRefusedWithThoseThatThereAre() {
    assertThatThrownBy(() -> Attention.of("int4"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--attention got \"int4\"; give one of auto, bf16, int8, fp8, int8qk, int8pv, cudnn");
  }

  @Test
  void aScheduleNamesStepsAndLayers() {
    AttentionSettings settings = AttentionSettings.of("int8", "first=2,last=1,layers=38-39+0");
    assertThat(settings).isEqualTo(new AttentionSettings(Attention.INT8, 2, 1, List.of(0, 38, 39)));
    assertThat(settings.spelling()).isEqualTo("int8 (bf16: first=2,last=1,layers=0+38+39)");
    assertThat(AttentionSettings.of("fp8", null).spelling()).isEqualTo("fp8");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "first",
        "first=",
        "first=-1",
        "first=1+2",
        "first=1-2",
        "steps=3",
        "layers=3-1",
        "layers=a",
        "layers=1+",
        "first=99999",
        "first=1,,last=1",
        "first=1,first=2",
        "layers=0,layers=1"
      })
  void otherSchedulesAreRefused(String schedule) {
    assertThatThrownBy(() -> AttentionSettings.of("int8", schedule))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--attention_schedule got \"" + schedule + "\"; give the first");
  }

  @Test
  void aScheduleWithoutFewerBitsIsRefused() {
    assertThatThrownBy(() -> AttentionSettings.of("auto", "first=1"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--attention auto has no fewer bits");
  }
}
