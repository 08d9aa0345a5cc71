package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.engine.Precisions;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Naming;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

class QuantizationTest {
  @TempDir Path folder;

  private final List<Weights> opened = new ArrayList<>();

  @Test
  void everyRecipeHasAPrecision() {
    Weights weights = Weights.of("none", Map.of());
    for (Quantization.Recipe recipe : Quantization.Recipe.values()) {
      if (recipe == Quantization.Recipe.STORED) {
        continue; // has none of its own
      }
      var table = Precisions.table(new Quantization(recipe, List.of("blocks.1")), weights);
      boolean isFloat8 = Precisions.of(recipe).isFloat8();
      assertThat(table.precision("blocks.0.ffn.0").isFloat8()).isEqualTo(isFloat8);
      assertThat(table.precision("blocks.1.ffn.0")).isEqualTo(Precision.PLAIN);
    }
  }

  @Test
  void recipesAreFoundByTheReferencesNames() {
    assertThat(Precisions.of(Quantization.Recipe.of("Float8CurrentScaling")))
        .isEqualTo(Precision.FLOAT8_CURRENT);
    assertThat(Precisions.of(Quantization.Recipe.of("DelayedScaling")))
        .isEqualTo(Precision.FLOAT8_DELAYED);
    assertThat(Precisions.of(Quantization.Recipe.of("Float8BlockScaling")))
        .isEqualTo(Precision.FLOAT8_BLOCK);
    assertThat(Precisions.of(Quantization.Recipe.of("PerTokenScaling")))
        .isEqualTo(Precision.FLOAT8_TOKEN);
    assertThat(Quantization.Recipe.of("Float8CurrentScaling"))
        .isEqualTo(Quantization.Recipe.CURRENT);
    assertThat(Quantization.Recipe.of("pertokenscaling")).isEqualTo(Quantization.Recipe.TOKEN);
    assertThatThrownBy(() -> Quantization.Recipe.of("MXFP8"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("PerTokenScaling");
  }

  @Test
  void withoutARecipeLayersRunAsTheyAreStored() {
    for (var example :
        Map.of(
                Quantization.Recipe.TOKEN, Tensor.of(new float[] {1}),
                Quantization.Recipe.BLOCK, Tensor.of(new float[] {1, 2}, 1, 2))
            .entrySet()) {
      Weights weights = stored(example.getValue(), Map.of(), false);
      PrecisionTable table = Precisions.table(Quantization.STORED, weights);
      assertThat(table.precision("blocks.0.ffn.0")).isEqualTo(Precisions.of(example.getKey()));
      assertThat(table.precision("blocks.0.ffn.2")).isEqualTo(Precision.PLAIN);
      assertThat(table.precision("time_projection.1")).isEqualTo(Precision.FLOAT32);
      assertThat(table.reason("blocks.0.ffn.2")).contains("more bits");
      assertThat(Precisions.table(Quantization.NONE, weights).precision("blocks.0.ffn.0"))
          .isEqualTo(Precision.PLAIN);
    }
  }

  @Test
  void whereNoneIsNamedTheRecipeIsTheStoredOneElseTheDefault() {
    Quantization unnamed = new Quantization(Quantization.Recipe.UNNAMED, List.of());
    Tensor one = Tensor.of(new float[] {1});
    Weights delayed = stored(one, Map.of("wan4j.fp8_recipe", "DelayedScaling"), false);
    assertThat(Precisions.recipe(unnamed, delayed)).isEqualTo(Quantization.Recipe.DELAYED);
    assertThat(Precisions.table(unnamed, delayed).precision("blocks.0.ffn.2"))
        .isEqualTo(Precision.FLOAT8_DELAYED);
    Weights plain = Weights.of("plain", Map.of());
    assertThat(Precisions.recipe(unnamed, plain)).isEqualTo(Quantization.Recipe.DEFAULT);
    assertThat(Precisions.table(unnamed, plain).precision("blocks.0.ffn.2"))
        .isEqualTo(Precisions.of(Quantization.Recipe.DEFAULT));
  }

  @Test
  void layersAreSkippedWithoutARecipeOnlyWhereSomeAreStoredInFloat8() {
    Quantization skipping = new Quantization(Quantization.Recipe.STORED, List.of("blocks.0.ffn.0"));
    Weights stored = stored(Tensor.of(new float[] {1}), Map.of(), false);
    assertThat(Precisions.table(skipping, stored).precision("blocks.0.ffn.0"))
        .isEqualTo(Precision.PLAIN);
    assertThatThrownBy(() -> Precisions.table(skipping, Weights.of("plain", Map.of())))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("add --quantize");
  }

  @Test
  void theRecipeThatAFileNamesComesBeforeItsScales() {
    Tensor one = Tensor.of(new float[] {1});
    Weights weights = stored(one, Map.of("wan4j.fp8_recipe", "DelayedScaling"), false);
    assertThat(Precisions.table(Quantization.STORED, weights).precision("blocks.0.ffn.0"))
        .isEqualTo(Precision.FLOAT8_DELAYED);
    Weights unknown = stored(one, Map.of("wan4j.fp8_recipe", "MXFP8"), false);
    assertThatThrownBy(() -> Precisions.table(Quantization.STORED, unknown))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("MXFP8");
  }

  @Test
  void aConvertedFileThatLostAScaleIsRefused() {
    Tensor one = Tensor.of(new float[] {1});
    assertThatThrownBy(() -> stored(one, Map.of("wan4j.fp8_recipe", "PerTokenScaling"), true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("time_projection.1.scale_weight");
  }

  private Weights stored(Tensor factors, Map<String, String> metadata, boolean hasBareCodes) {
    MemorySegment codes = MemorySegment.ofArray(new byte[4 * 256]);
    Tensor weight = new Tensor(Shape.of(4, 256), DType.F8_E4M3, new HostStorage(codes));
    Map<String, TensorSource> tensors = new HashMap<>();
    tensors.put("blocks.0.ffn.0.weight", TensorSource.of("w", weight));
    tensors.put("blocks.0.ffn.0.scale_weight", TensorSource.of("s", factors));
    Tensor other = Tensor.of(new float[] {1, 2}, 1, 2);
    tensors.put("blocks.0.ffn.2.weight", TensorSource.of("f", other));
    if (hasBareCodes) {
      tensors.put("time_projection.1.weight", TensorSource.of("t", weight));
    }
    Path file = folder.resolve(opened.size() + ".safetensors");
    SafetensorsWriter.write(file, tensors, metadata);
    Weights weights = Weights.open(file, Naming.TRANSFORMER);
    opened.add(weights);
    return weights;
  }

  @AfterEach
  void close() {
    opened.forEach(Weights::close);
  }

  @Test
  void aNameThatCanBeNoLayerIsRefused() {
    assertThatThrownBy(() -> new Quantization(Quantization.Recipe.TOKEN, List.of("blocks..0")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks..0");
  }
}
