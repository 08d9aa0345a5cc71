package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.cuda.tune.LayerShape;
import wan4j.ops.Activation;
import wan4j.quant.Precision;

class TuningTest {
  @Test
  void layersOfEveryShareSizeAndPrecisionAreMeasured() {
    List<LayerShape> layers = Tuning.layers();
    for (Precision precision :
        List.of(
            Precision.PLAIN,
            Precision.FLOAT8_TOKEN,
            Precision.FLOAT8_CURRENT,
            Precision.FLOAT8_BLOCK)) {
      for (int rows : new int[] {9450, 18_900, 37_800, 75_600, 4095, 8190, 16_380, 32_760}) {
        assertThat(layers)
            .contains(
                new LayerShape(rows, 13_824, 5120, true, Activation.GELU_TANH, precision),
                new LayerShape(rows, 15_360, 5120, true, Activation.NONE, precision));
      }
      assertThat(layers)
          .contains(
              new LayerShape(27_280, 14_336, 3072, true, Activation.GELU_TANH, precision),
              new LayerShape(512, 5120, 5120, true, Activation.NONE, precision));
    }
    assertThat(layers)
        .contains(new LayerShape(512, 20_480, 4096, false, Activation.NONE, Precision.PLAIN));
  }
}
