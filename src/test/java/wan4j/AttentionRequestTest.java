package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.AttentionSettings.Attention;
import wan4j.EngineOptions.LoraMode;
import wan4j.EngineOptions.Recording;
import wan4j.tensor.InputException;
import wan4j.verify.Comparison;

/// Requests whose self-attention computes in fewer bits, on the processor.
final class AttentionRequestTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final VideoRequest REQUEST =
      VideoRequest.of(
          "a red ball moves to the right",
          new VideoSize(32, 32, 5),
          Sampling.of(Task.T2V_A14B, 1).withSteps(2).withGuidance(1, 1));

  private static float[] latents(AttentionSettings attention) {
    EngineOptions options =
        new EngineOptions(
            DEMO,
            Device.CPU,
            Arithmetic.FLOAT32,
            Quantization.STORED,
            List.of(),
            LoraMode.AUTO,
            Offload.NEVER,
            false,
            Recording.AUTO,
            attention);
    try (VideoEngine engine = VideoEngine.open(options)) {
      return engine.sample(REQUEST, Progress.NONE).values().toFloats();
    }
  }

  @ParameterizedTest
  @EnumSource(Attention.class)
  void everyAttentionMakesNearlyTheSameLatents(Attention attention) {
    float[] usual = latents(AttentionSettings.AUTO);
    float[] got = latents(new AttentionSettings(attention));
    // 1.3 times what is measured after both steps: 2.56e-2, 6.35e-2, 2.10e-2 and 2.62e-3. Codes of
    // E4M3 have four significant bits and err up to 6 % each; those of int8 have seven, and where
    // weights are in bfloat16 or values in int8, less of them goes into the sum.
    double most =
        switch (attention) {
          case AUTO, BF16, CUDNN -> 0;
          case INT8 -> 3.3e-2;
          case FP8 -> 8.2e-2;
          case INT8QK -> 2.7e-2;
          case INT8PV -> 3.4e-3;
        };
    if (attention.isNarrow()) {
      assertThat(Comparison.relativeError(got, usual)).isBetween(1e-4, most);
    } else {
      assertThat(got).isEqualTo(usual);
    }
  }

  @Test
  void aScheduleOfAllStepsOrLayersLeavesNothingToFewerBits() {
    float[] usual = latents(AttentionSettings.AUTO);
    assertThat(latents(AttentionSettings.of("int8", "first=1,last=1"))).isEqualTo(usual);
    float[] half = latents(AttentionSettings.of("int8", "first=1"));
    assertThat(half).isNotEqualTo(usual).isNotEqualTo(latents(AttentionSettings.of("int8", null)));
  }

  @Test
  void aLayerThatTheNetworkDoesNotHaveIsRefused() {
    assertThatThrownBy(() -> latents(AttentionSettings.of("int8", "layers=0+400")))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            "--attention_schedule names layer 400, but this network has layers");
  }
}
