package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Task;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.LayerInputs;
import wan4j.ops.Activation;
import wan4j.tensor.InputException;

class LayerErrorBenchmarkTest {
  /// What rounding both factors of a product to E4M3 costs on normal data, in per cent.
  private static final double FLOOR = 3.74;

  private static List<Measurement> run(Activation function, String recipe, int rows) {
    Workbench.Settings settings =
        Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, recipe, 0, 1);
    try (Workbench bench = new Workbench(settings)) {
      LayerErrorBenchmark.Layer layer =
          new LayerErrorBenchmark.Layer("down", 256, 1024, function, true);
      return LayerErrorBenchmark.run(bench, Task.I2V_A14B, List.of(layer), rows);
    }
  }

  @Test
  void everyRecipeIsAtTheFloorOfE4m3AndAddsNothingToItsOwn() {
    List<Measurement> results = run(Activation.NONE, null, 320);
    for (String recipe :
        List.of(
            "PerTokenScaling", "Float8CurrentScaling", "DelayedScaling", "Float8BlockScaling")) {
      for (LayerInputs kind :
          List.of(LayerInputs.NORMAL, LayerInputs.LARGE_CHANNELS, LayerInputs.GELU)) {
        // So few channels are large here that the largest value, which rounds to itself, or is
        // clipped when it exceeds those of earlier forwards, counts.
        boolean isRough = kind == LayerInputs.LARGE_CHANNELS;
        double least = isRough ? 0.85 : 0.97;
        double most = isRough && recipe.equals("DelayedScaling") ? 1.1 : 1.03;
        assertThat(find(results, kind, recipe + ": error"))
            .as("%s %s", recipe, kind)
            .isBetween(least * FLOOR, most * FLOOR);
        assertThat(find(results, kind, recipe + ": error / floor")).isCloseTo(1, within(1e-5));
        assertThat(find(results, kind, recipe + ": beyond the exact product")).isLessThan(1e-3);
      }
    }
  }

  @Test
  void aFewLargeTokensSpoilTheOthersUnderOneScaleATensorAlone() {
    List<Measurement> results = run(Activation.NONE, null, 320);
    LayerInputs kind = LayerInputs.LARGE_TOKENS;
    assertThat(find(results, kind, "PerTokenScaling: error")).isCloseTo(FLOOR, within(0.12));
    assertThat(find(results, kind, "Float8BlockScaling: error")).isCloseTo(FLOOR, within(0.12));
    assertThat(find(results, kind, "Float8CurrentScaling: error")).isGreaterThan(3 * FLOOR);
    assertThat(find(results, kind, "Float8CurrentScaling: error / floor"))
        .isCloseTo(1, within(1e-5));
  }

  @Test
  void oneRecipeMayBeMeasuredAlone() {
    List<Measurement> results = run(Activation.GELU_TANH, "PerTokenScaling", 32);
    assertThat(results).isNotEmpty().allMatch(r -> r.metric().startsWith("PerTokenScaling"));
  }

  @Test
  void tooFewRowsAreRefused() {
    assertThatThrownBy(() -> run(Activation.NONE, null, 31))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("32 or more");
  }

  private static double find(List<Measurement> results, LayerInputs kind, String metric) {
    return results.stream()
        .filter(r -> r.metric().equals(metric))
        .filter(r -> r.parameters().get("activations").equals(kind.title()))
        .findFirst()
        .orElseThrow()
        .median();
  }
}
