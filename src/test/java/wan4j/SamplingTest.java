package wan4j;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.InputException;

/// What no request can be made with.
final class SamplingTest {
  @ParameterizedTest
  @CsvSource({
    "0, 5, 4, 4, 1, sample_steps got 0",
    "1001, 5, 4, 4, 1, 1 to 1000",
    "4, NaN, 4, 4, 1, sample_shift got NaN",
    "4, 0, 4, 4, 1, sample_shift got 0",
    "4, 5, NaN, 4, 1, sample_guide_scale got NaN",
    "4, 5, 4, 1001, 1, sample_guide_scale got 1001"
  })
  void badValuesAreRefusedAtOnce(
      int steps, double shift, double low, double high, long seed, String sentence) {
    assertThatThrownBy(() ->
            new Sampling(
                Sampling.Solver.UNIPC, steps, shift, low, high, seed, Sampling.Generator.CUDA))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void nullIsRefusedByName() {
    Sampling usual = Sampling.of(Task.T2V_A14B, 1);
    assertThatThrownBy(() -> new Sampling(usual.solver(), 1, 1, 1, 1, 1, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("noise");
    assertThatThrownBy(() -> new EngineOptions(null, Device.CPU, false, false))
        .hasMessage("checkpoint");
    assertThatThrownBy(() -> new LoraFile(null, 1, LoraFile.Target.ALL)).hasMessage("path");
    assertThatThrownBy(() -> new CacheSettings.Calibration(null)).hasMessage("target");
  }

  @Test
  void unknownNamesOfSolversAndGeneratorsAreRefusedInOneSentence() {
    Sampling usual = Sampling.of(Task.T2V_A14B, 1);
    assertThatThrownBy(() -> usual.withNoise("tpu"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cpu or cuda");
    assertThatThrownBy(() -> usual.withSolver("ddim"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("unipc, dpm++ or euler");
  }
}
