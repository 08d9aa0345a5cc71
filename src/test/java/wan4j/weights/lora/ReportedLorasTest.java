package wan4j.weights.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.ProcessorTime;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.TensorFile;

/// LoRA files made anew after public reports: what each adds to a weight, or why it is refused.
final class ReportedLorasTest {
  private static final Path FILES = Path.of("src/test/resources/reports/lora");
  private static final String QUERY = "blocks.0.self_attn.q.weight";
  private static final Set<String> REFUSED =
      Set.of(
          "07-patch-embedding-36-on-t2v",
          "11-dora",
          "12-reshape-weight",
          "15-lora_B-bias",
          "22-trailing-bytes",
          "37-te-keys",
          "40-5b-on-14b");

  /// Name, factor of the first block's query layer, parameters that are changed.
  static List<Object[]> read() {
    return List.of(
        new Object[] {"01-header-alpha", 2, 4},
        new Object[] {"01-header-lora_alpha", 2, 4},
        new Object[] {"01-header-ss_network_alpha", 1, 4},
        new Object[] {"02-adapter-config", 2, 4},
        new Object[] {"03-simpletuner-header", 4, 4},
        new Object[] {"04-mixed-rank-no-alpha", 1, 4},
        new Object[] {"05-mixed-spelling", 0.5, 4},
        new Object[] {"06-wan21-i2v-distill-on-wan22-i2v", 1, 7},
        new Object[] {"10-alpha-1elem-f16", 0.25, 4},
        new Object[] {"13-fp8-lora", 1, 4},
        new Object[] {"16-lora_transformer-u", 1, 4},
        new Object[] {"17-model-prefix", 1, 4},
        new Object[] {"18-orig_mod-prefix", 1, 4},
        new Object[] {"20-alpha_pattern-header", 2, 4},
        new Object[] {"32-diffusers-dots", 1, 27},
        new Object[] {"36-linear-as-1x1", 0.5, 1},
        new Object[] {"42-alpha-in-some", 2, 2},
        new Object[] {"44-no-dot-weight", 1, 2},
        new Object[] {"47-alpha-zero", 0, 2},
        new Object[] {"49-musubi-default-int64-alpha", 1, 2});
  }

  @ParameterizedTest
  @MethodSource("read")
  void whatIsAddedIsTheProductTimesTheFactor(String name, double factor, int changed) {
    try (Lora lora = Lora.read(FILES.resolve(name));
        TensorFile file = TensorFile.open(lora.path())) {
      Weights merged = AdaptedWeights.merged(zeros(), List.of(new LoraApplication(lora, 1)));
      assertThat(lora.match(zeros())).hasSize(changed);
      float[] got = merged.tensor(QUERY).load().toFloats();
      float[] expected = product(file, factor);
      for (int i = 0; i < got.length; i++) {
        assertThat(got[i]).isCloseTo(expected[i], within(1e-5f));
      }
    }
  }

  /// Multiplies the two matrices of the first block's query layer, whatever they are called.
  private static float[] product(TensorFile file, double factor) {
    Tensor down = matrix(file, "(?:lora_A|lora_down)");
    Tensor up = matrix(file, "(?:lora_B|lora_up)");
    int rank = down.length(0);
    int inputs = Math.toIntExact(down.count() / rank);
    int outputs = Math.toIntExact(up.count() / rank);
    float[] a = down.toFloats();
    float[] b = up.toFloats();
    float[] product = new float[outputs * inputs];
    for (int row = 0; row < outputs; row++) {
      for (int column = 0; column < inputs; column++) {
        double sum = 0;
        for (int i = 0; i < rank; i++) {
          sum += (double) b[row * rank + i] * a[i * inputs + column];
        }
        product[row * inputs + column] = (float) (factor * sum);
      }
    }
    return product;
  }

  private static Tensor matrix(TensorFile file, String kind) {
    return file.tensors().entrySet().stream()
        .filter(entry ->
            entry
                .getKey()
                .matches(".*blocks[._]0[._](self_attn[._]|attn1[._]to_)q\\." + kind + "(\\..*)?"))
        .map(entry -> entry.getValue().load())
        .collect(Collectors.collectingAndThen(Collectors.toList(), List::getFirst));
  }

  private static Weights zeros() {
    Weights shapes = Weights.ofShapes(Path.of("src/test/resources/lora/t2v-tiny.json"));
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (String name : shapes.names()) {
      tensors.put(name, TensorSource.of(name, Tensor.zeros(DType.F32, shapes.shape(name))));
    }
    return Weights.of("t2v-tiny", tensors);
  }

  @Test
  void patternsOfTheHeaderCountForTheirLayersAlone() {
    try (Lora lora = Lora.read(FILES.resolve("20-alpha_pattern-header"))) {
      Map<String, LoraDelta> deltas = lora.match(zeros());
      assertThat(((LoraDelta.LowRank) deltas.get("blocks.3.ffn.2.weight")).scale()).isEqualTo(3);
      assertThat(((LoraDelta.LowRank) deltas.get(QUERY)).scale()).isEqualTo(2);
    }
  }

  @Test
  void partsOfWan21ThatHaveNoPlaceAreCounted() {
    try (Lora lora = Lora.read(FILES.resolve("06-wan21-i2v-distill-on-wan22-i2v"))) {
      assertThat(lora.withoutPlace(zeros())).isNotEmpty().allMatch(name -> name.contains("img"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "07-patch-embedding-36-on-t2v | changes patch_embedding.weight by",
        "11-dora | is a DoRA",
        "12-reshape-weight | reshape_weight",
        "15-lora_B-bias | lora_B.bias",
        "22-trailing-bytes | holds 17480 bytes of elements, but its header promises 17416",
        "37-te-keys | text_encoder.encoder.block.0",
        "40-5b-on-14b | but it has shape [96, 96]",
      })
  void theOthersAreRefusedInOneSentence(String name, String words) {
    assertThatThrownBy(
            () -> {
              try (Lora lora = Lora.read(FILES.resolve(name))) {
                lora.match(zeros());
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words)
        .hasMessageNotContaining("\n");
  }

  @Test
  void noFileIsForgotten() throws IOException {
    Set<String> known = new TreeSet<>(REFUSED);
    read().forEach(row -> known.add((String) row[0]));
    try (Stream<Path> folders = Files.list(FILES)) {
      assertThat(folders.map(folder -> folder.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(known);
    }
  }

  /// Numbers of 400 digits, patterns without bound in time or in depth.
  @ParameterizedTest
  @CsvSource({
    "11-lora-big-alpha, alpha",
    "12-lora-redos, pattern",
    "13-lora-stack, expected at most 1000"
  })
  void hostileSettingsAreRefusedAtOnce(String name, String words) {
    Path file = FILES.resolveSibling("files").resolve(name).resolve("l.safetensors");
    Duration before = ProcessorTime.used();
    assertThatThrownBy(
            () -> {
              try (Lora lora = Lora.read(file)) {
                lora.match(
                    Weights.ofShapes(
                        "n", Map.of("blocks.0.self_attn.q.weight", Shape.of(96, 96)), DType.F32));
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words)
        .hasMessageNotContaining("\n");
    assertThat(ProcessorTime.used().minus(before)).isLessThan(Duration.ofSeconds(2));
  }
}
