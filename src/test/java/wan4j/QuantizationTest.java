package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.quant.Precision;
import wan4j.tensor.InputException;

class QuantizationTest {
  @Test
  void everyRecipeHasAPrecision() {
    for (Quantization.Recipe recipe : Quantization.Recipe.values()) {
      var table = new Quantization(recipe, List.of("blocks.1")).table();
      boolean isFloat8 = recipe != Quantization.Recipe.NONE;
      assertThat(table.precision("blocks.0.ffn.0").isFloat8()).isEqualTo(isFloat8);
      assertThat(table.precision("blocks.1.ffn.0")).isEqualTo(Precision.PLAIN);
    }
  }

  @Test
  void recipesAreFoundByTheReferencesNames() {
    assertThat(Quantization.Recipe.of("Float8CurrentScaling").precision())
        .isEqualTo(Precision.FLOAT8_CURRENT);
    assertThat(Quantization.Recipe.of("DelayedScaling").precision())
        .isEqualTo(Precision.FLOAT8_DELAYED);
    assertThat(Quantization.Recipe.of("Float8BlockScaling").precision())
        .isEqualTo(Precision.FLOAT8_BLOCK);
    assertThat(Quantization.Recipe.of("PerTokenScaling").precision())
        .isEqualTo(Precision.FLOAT8_TOKEN);
    assertThat(Quantization.Recipe.of("Float8CurrentScaling"))
        .isEqualTo(Quantization.Recipe.CURRENT);
    assertThat(Quantization.Recipe.of("pertokenscaling")).isEqualTo(Quantization.Recipe.TOKEN);
    assertThatThrownBy(() -> Quantization.Recipe.of("MXFP8"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("PerTokenScaling");
  }

  @Test
  void aNameThatCanBeNoLayerIsRefused() {
    assertThatThrownBy(() -> new Quantization(Quantization.Recipe.TOKEN, List.of("blocks..0")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks..0");
  }
}
