package wan4j.weights.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
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
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Alpha in every place where public programs write it, and the names they put before the
/// network's.
final class LoraNumbersTest {
  private static final String LAYER = "blocks.0.self_attn.q";
  private static final int RANK = 4;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "alpha | 8 | 2",
        "lora_alpha | 8 | 2",
        "lora_alpha | 8.0 | 2",
        "network_alpha | 2 | 0.5",
        "alpha | 0 | 0",
        "alpha | None | 1",
        "ss_network_alpha | 8 | 1",
        "rank | 8 | 1",
        "lora_adapter_metadata | {\"transformer\": {\"lora_alpha\": 8, \"r\": 4}} | 2",
        "lora_adapter_metadata | {\"transformer_2.lora_alpha\": 8, \"transformer_2.r\": 4} | 2",
        "lora_adapter_metadata | {\"transformer_2\": {\"lora_alpha\": 8, \"use_rslora\": true}} |"
            + " 4",
        "lora_adapter_metadata | {\"lora_alpha\": 8, \"alpha_pattern\":"
            + " {\"blocks\\\\.[0-9]+\\\\.self_attn\\\\.[qk]\": 16}} | 4",
      })
  void alphaInTheHeaderIsUsed(String key, String value, float scale) {
    assertThat(scale(write("a", pair(""), Map.of(key, value)))).isEqualTo(scale);
  }

  @Test
  void alphaBesideTheFileIsUsedAlsoWhenTheFolderIsGiven() throws IOException {
    Path file = write("adapter_model", pair("base_model.model."), Map.of());
    config(
        "{'peft_type': 'LORA', 'r': 4, 'lora_alpha': 8, 'use_rslora': false, 'alpha_pattern': {}}");
    assertThat(scale(file)).isEqualTo(2);
    assertThat(scale(folder)).isEqualTo(2);
    Path other = write("other", pair("base_model.model."), Map.of());
    assertThat(scale(other)).isEqualTo(2);
    config("{'r': 4, 'lora_alpha': 8, 'use_rslora': true}");
    assertThat(scale(file)).isEqualTo(4);
    config("{'r': 16, 'lora_alpha': 8, 'rank_pattern': {'self_attn.q': 4}}");
    assertThat(scale(file)).isEqualTo(2);
    assertThat(scale(write("same", pair(""), Map.of("lora_alpha", "8")))).isEqualTo(2);
  }

  @Test
  void aFolderOfOneFileIsThatFile() throws IOException {
    Path inner = Files.createDirectory(folder.resolve("inner"));
    Path file = write("x", pair(""), Map.of("alpha", "8"));
    assertThatThrownBy(() -> scale(inner)).hasMessageContaining("holds 0 files");
    Files.move(file, inner.resolve("x.safetensors"));
    assertThat(scale(inner)).isEqualTo(2);
    Files.copy(inner.resolve("x.safetensors"), inner.resolve("y.safetensors"));
    assertThatThrownBy(() -> scale(inner)).hasMessageContaining("holds 2 files");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'r': 4, 'lora_alpha': 8, 'use_dora': true} | DoRA",
        "{'r': 4, 'lora_alpha': 8, 'peft_type': 'LOHA'} | LOHA",
        "{'r': 4, 'lora_alpha': 8, 'init_lora_weights': 'pissa_niter_4'} | pissa",
        "{'r': 8, 'lora_alpha': 8} | the rank 8",
        "{'lora_alpha': 'x'} | finite number",
        "{'lora_alpha': 1e999} | finite number",
        "{'lora_alpha': 3e38, 'alpha_pattern': {'q': 1e300}} | finite factor",
        "{'lora_alpha': 1, 'alpha_pattern': {'(x+x+)+\\\\1y': 2}} | refers back",
        "{'lora_alpha': 1, 'alpha_pattern': {'((a{999}){999}){999}': 2}} | written out",
        "[1] | JSON object",
      })
  void settingsThatCannotBeUsedAreRefused(String json, String words) throws IOException {
    Path file = write("adapter_model", pair(""), Map.of());
    config(json);
    assertThatThrownBy(() -> scale(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }

  @Test
  void placesThatDifferAreRefused() throws IOException {
    Path file = write("adapter_model", pair(""), Map.of("lora_alpha", "16"));
    config("{'lora_alpha': 8}");
    assertThatThrownBy(() -> scale(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("16")
        .hasMessageContaining("8.0");
    String digits = "1" + "0".repeat(400);
    Path large = write("large", pair(""), Map.of("alpha", digits));
    assertThatThrownBy(() -> scale(large))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("finite")
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(500));
  }

  @Test
  void alphaIsATensorOfAnyTypeOrTheScaleItself() {
    for (DType type : DType.values()) {
      for (Shape shape : new Shape[] {Shape.of(), Shape.of(1), Shape.of(1, 1)}) {
        Map<String, TensorSource> tensors = pair("");
        tensors.put(LAYER + ".alpha", one(type, shape));
        assertThat(scale(write("t", tensors, Map.of("alpha", "99"))))
            .as("%s", type)
            .isEqualTo(0.25f);
        tensors.remove(LAYER + ".alpha");
        tensors.put(LAYER + ".lora_alpha", one(type, shape));
        assertThat(scale(write("t", tensors, Map.of()))).isEqualTo(0.25f);
        tensors.remove(LAYER + ".lora_alpha");
        tensors.put(LAYER + ".alpha_scale", one(type, shape));
        assertThat(scale(write("t", tensors, Map.of()))).isEqualTo(1);
      }
    }
    Map<String, TensorSource> both = pair("");
    both.put(LAYER + ".alpha", one(DType.F32, Shape.of()));
    both.put(LAYER + ".alpha_scale", one(DType.F32, Shape.of()));
    Path file = write("both", both, Map.of());
    assertThatThrownBy(() -> scale(file)).hasMessageContaining("both an alpha and an alpha_scale");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "_orig_mod.",
        "module.",
        "model.",
        "model.diffusion_model.",
        "diffusion_model.",
        "transformer.",
        "transformer_2.",
        "base_model.model.",
        "base_model.model.diffusion_model.",
        "module._orig_mod.",
        "model._orig_mod.",
        "unet.",
        "pipe.dit."
      })
  void whatProgramsPutBeforeTheNamesIsLeftOut(String prefix) {
    assertThat(scale(write("p", pair(prefix), Map.of("alpha", "8")))).isEqualTo(2);
  }

  @Test
  void layersWithoutAPlaceAreCounted() {
    Map<String, TensorSource> tensors = pair("");
    for (String other : List.of("blocks.0.cross_attn.k_img", "img_emb.proj.1")) {
      pair("").forEach((name, source) -> tensors.put(name.replace(LAYER, other), source));
    }
    try (Lora lora = Lora.read(write("wan21", tensors, Map.of()))) {
      assertThat(lora.modules()).isEqualTo(3);
      assertThat(lora.withoutPlace(network()))
          .containsExactly("blocks.0.cross_attn.k_img", "img_emb.proj.1");
    }
  }

  private static TensorSource one(DType type, Shape shape) {
    byte[] bytes = new byte[type.bytes()];
    var segment = java.lang.foreign.MemorySegment.ofArray(bytes);
    if (type.isFloat()) {
      wan4j.tensor.Elements.setFloat(segment, type, 0, 1);
    } else {
      bytes[0] = 1;
    }
    return TensorSource.of("alpha", new Tensor(shape, type, new HostStorage(segment)));
  }

  private static Map<String, TensorSource> pair(String prefix) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put(prefix + LAYER + ".lora_A.weight", matrix(RANK, 3));
    tensors.put(prefix + LAYER + ".lora_B.weight", matrix(2, RANK));
    return tensors;
  }

  private static TensorSource matrix(int rows, int columns) {
    return TensorSource.of("m", Tensor.of(new float[rows * columns], rows, columns));
  }

  private static Weights network() {
    return Weights.of("network", Map.of(LAYER + ".weight", matrix(2, 3)));
  }

  private Path write(String name, Map<String, TensorSource> tensors, Map<String, String> metadata) {
    Path file = folder.resolve(name + ".safetensors");
    SafetensorsWriter.write(file, tensors, metadata);
    return file;
  }

  private void config(String json) throws IOException {
    Files.writeString(folder.resolve("adapter_config.json"), json.replace('\'', '"'));
  }

  private static float scale(Path path) {
    try (Lora lora = Lora.read(path)) {
      return ((LoraDelta.LowRank) lora.match(network()).get(LAYER + ".weight")).scale();
    }
  }
}
