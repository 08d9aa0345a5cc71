package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsWriter;

/// Formats of stored weights: FP8 with scales of every shape, hints on how its products are to run,
/// and formats that are refused by name.
final class StoredFormatsTest {
  private static final String LAYER = "blocks.0.ffn.0";

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | 1",
        "1 | 1",
        "1,1 | 1",
        "4 | 4",
        "4,1 | 4",
        "1,4 | 4",
        "4,1,1 | 4",
        "4,2 | 8",
        "4,2,1 | 8",
        "4,4,1 | 16",
        "2,1 | 2",
        "2,2 | 4",
        "2,4,1 | 8"
      })
  void scalesOfEveryShapeAreMultipliedIn(String shape, int count) {
    long[] sizes =
        shape.isEmpty()
            ? new long[0]
            : java.util.Arrays.stream(shape.split(",", -1)).mapToLong(Long::parseLong).toArray();
    float[] scales = new float[count];
    for (int i = 0; i < count; i++) {
      scales[i] = i + 1;
    }
    Map<String, TensorSource> tensors = file();
    tensors.put(LAYER + ".weight_scale", TensorSource.of("s", Tensor.of(scales, sizes)));
    float[] values = renamed(tensors, Map.of()).tensor(LAYER + ".weight").load().toFloats();
    int rows = count % 4 == 0 && !shape.startsWith("2") ? 4 : count == 1 ? 1 : 2;
    int across = count / rows;
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 8; j++) {
        assertThat(values[8 * i + j]).isEqualTo(scales[i * rows / 4 * across + j * across / 8]);
      }
    }
  }

  @Test
  void productsInFullPrecisionAreAskedForInEachPlace() {
    Map<String, TensorSource> scaled = scaled();
    assertThat(renamed(scaled, Map.of()).fullPrecision()).isEmpty();
    String json = "{\"format\": \"float8_e4m3fn\", \"full_precision_matrix_mult\": true}";
    Map<String, TensorSource> remark = scaled();
    remark.put(LAYER + ".comfy_quant", text(json));
    assertThat(renamed(remark, Map.of()).fullPrecision()).containsExactly(LAYER);
    assertThat(renamed(remark, Map.of()).unused()).containsExactly(LAYER + ".weight");
    Map<String, String> header =
        Map.of("_quantization_metadata", "{\"layers\": {\"model.%s\": %s}}".formatted(LAYER, json));
    Map<String, TensorSource> prefixed = new LinkedHashMap<>();
    scaled.forEach((name, source) -> prefixed.put("model." + name, source));
    assertThat(renamed(prefixed, header).fullPrecision()).containsExactly(LAYER);
    Map<String, TensorSource> marked = scaled();
    marked.put(Weights.MARKER, bytes(DType.F8_E4M3, 2));
    assertThat(renamed(marked, Map.of()).fullPrecision()).containsExactly(LAYER);
    assertThat(renamed(marked, Map.of(Weights.RECIPE, "PerTokenScaling")).fullPrecision())
        .isEmpty();
    marked.put(Weights.MARKER, bytes(DType.F8_E4M3, 0));
    assertThat(renamed(marked, Map.of()).fullPrecision()).isEmpty();
  }

  @Test
  void formatsThatAreNotReadAreRefusedByName() {
    Map<String, TensorSource> tensors = file();
    tensors.put(LAYER + ".weight_scale", bytes(DType.U8, 4, 1));
    refuses(tensors, "MXFP8");
    tensors.put(LAYER + ".weight", bytes(DType.U8, 4, 4));
    tensors.put(LAYER + ".weight_scale", bytes(DType.F8_E4M3, 4, 1));
    refuses(tensors, "NVFP4");
    tensors.put(LAYER + ".weight_scale_2", TensorSource.of("s", Tensor.of(new float[] {1}, 1)));
    tensors.remove(LAYER + ".weight_scale");
    refuses(tensors, "NVFP4");
    refuses(Map.of(LAYER + ".weight", bytes(DType.I8, 4, 4)), "INT8");
    for (String format : List.of("nvfp4", "mxfp8", "mxfp4", "int8_tensorwise", "svdquant_w4a4")) {
      Map<String, TensorSource> remark = scaled();
      remark.put(LAYER + ".comfy_quant", text("{\"format\": \"" + format + "\"}"));
      String name = format.startsWith("int8") ? "INT8" : format;
      assertThatThrownBy(() -> renamed(remark, Map.of()))
          .isInstanceOf(InputException.class)
          .satisfies(e -> assertThat(e.getMessage()).containsIgnoringCase(name));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "qweight, AWQ",
    "qzeros, AWQ",
    "g_idx, GPTQ",
    "wscales, SVDQuant",
    "weight.absmax, bitsandbytes",
    "weight.quant_state.bitsandbytes__nf4, bitsandbytes",
    "SCB, bitsandbytes INT8",
    "weight._data, Quanto",
    "weight_packed, compressed-tensors"
  })
  void formatsAreRecognisedByTheirTensors(String end, String name) {
    refuses(Map.of(LAYER + "." + end, bytes(DType.U8, 4, 4)), name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"F8_E8M0", "F4", "U16"})
  void typesThatAreNotReadAreNamedWhereTheyAreNeeded(String type) throws java.io.IOException {
    String header =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[4,12]}}"
            .formatted(type);
    Path file = SafetensorsBytes.write(folder, SafetensorsBytes.of(header, 12));
    try (Weights weights = Weights.open(file)) {
      assertThat(weights.names()).containsExactly("a");
      assertThatThrownBy(() -> weights.tensor("b"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(type);
    }
  }

  @Test
  void bytesOfExponentsBesideFp8AreMxfp8AlsoInTheirOwnType() {
    String header =
        "{\"a.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[4,32],\"data_offsets\":[0,128]},\"a.weight_scale\":{\"dtype\":\"F8_E8M0\",\"shape\":[4,1],\"data_offsets\":[128,132]}}";
    Path file = SafetensorsBytes.write(folder, SafetensorsBytes.of(header, 132));
    assertThatThrownBy(() -> Weights.open(file, Naming.TRANSFORMER).close())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("MXFP8");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "_orig_mod.", "module.", "model.", "model.diffusion_model.", "diffusion_model.",
        "transformer.", "first_stage_model.", "vae.", "module._orig_mod.", "model.vae."
      })
  void whatProgramsPutBeforeTheNamesOfANetworkIsLeftOut(String prefix) {
    for (Naming naming : Naming.values()) {
      Map<String, TensorSource> tensors = new LinkedHashMap<>();
      tensors.put(prefix + "blocks.0.a.weight", bytes(DType.F32, 1));
      tensors.put(prefix + "b", bytes(DType.F32, 1));
      tensors.put("spiece_model", bytes(DType.U8, 3));
      Weights weights = Weights.of("file", tensors).renamed(naming);
      assertThat(weights.names()).contains("blocks.0.a.weight", "b");
      assertThat(weights.unused()).containsExactly("b", "blocks.0.a.weight");
    }
  }

  @Test
  void aSecondFileBesideTheOneThatIsUsedIsKnown() {
    Path used = folder.resolve("diffusion_pytorch_model.safetensors");
    Map<String, TensorSource> tensors = Map.of("a", bytes(DType.F32, 1));
    SafetensorsWriter.write(used, tensors, Map.of());
    SafetensorsWriter.write(folder.resolve("Wan2.2_VAE.safetensors"), tensors, Map.of());
    try (Weights weights = Weights.open(folder)) {
      assertThat(weights.surplus()).isEmpty();
    }
    Path other = folder.resolve("model_fp8.safetensors");
    SafetensorsWriter.write(other, tensors, Map.of());
    try (Weights weights = Weights.open(folder)) {
      assertThat(weights.paths()).containsExactly(used);
      assertThat(weights.surplus()).containsExactly(other);
    }
  }

  private static void refuses(Map<String, TensorSource> tensors, String name) {
    assertThatThrownBy(() -> renamed(tensors, Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(name)
        .hasMessageContaining("which wan4j does not read");
  }

  private static Weights renamed(Map<String, TensorSource> tensors, Map<String, String> metadata) {
    Weights.Notes notes = new Weights.Notes(metadata, Map.of(), java.util.Set.of(), List.of());
    return new Weights("file", tensors, notes, List.of()).renamed(Naming.TRANSFORMER);
  }

  /// A weight [4, 8] of ones in E4M3.
  private static Map<String, TensorSource> file() {
    byte[] codes = new byte[32];
    java.util.Arrays.fill(codes, wan4j.tensor.Float8.toE4m3(1));
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put(LAYER + ".weight", source(DType.F8_E4M3, codes, 4, 8));
    return tensors;
  }

  private static Map<String, TensorSource> scaled() {
    Map<String, TensorSource> tensors = file();
    tensors.put(LAYER + ".weight_scale", TensorSource.of("s", Tensor.of(new float[] {1}, 1)));
    return tensors;
  }

  private static TensorSource text(String json) {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    return source(DType.U8, bytes, bytes.length);
  }

  private static TensorSource bytes(DType type, long... sizes) {
    Shape shape = Shape.of(sizes);
    return source(type, new byte[(int) shape.count() * type.bytes()], sizes);
  }

  private static TensorSource source(DType type, byte[] bytes, long... sizes) {
    return TensorSource.of(
        "t", new Tensor(Shape.of(sizes), type, new HostStorage(MemorySegment.ofArray(bytes))));
  }
}
