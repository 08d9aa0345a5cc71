package wan4j.weights.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.SafetensorsTest;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.file.TensorFile;
import wan4j.weights.file.TorchReaderTest;

/// Merges the LoRA files of the reference cases into the few weights of them that are kept here,
/// the rest of the network being known by shape.
final class LoraTest {
  private static final Path CASES = Path.of("src/test/resources/lora");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "diffusers-peft, t2v, 1.0, 40",
    "kohya-alpha, t2v, 1.0, 40",
    "native-peft, t2v, 0.7, 40",
    "native-updown-diff, t2v, 0.8, 88",
    "native-updown-noalpha, ti2v, 1.25, 3",
  })
  void mergedWeightsEqualTheReferences(String name, String network, float strength, int changed) {
    Map<String, TensorSource> tensors = new HashMap<>();
    Weights shapes = Weights.ofShapes(CASES.resolve(network + "-tiny.json"));
    shapes.names().forEach(n -> tensors.put(n, shapes.tensor(n)));
    try (TensorFile check = TensorFile.open(CASES.resolve(name).resolve("check.safetensors"));
        Lora lora = Lora.read(CASES.resolve(name).resolve("lora.safetensors"))) {
      Weights kept = Weights.of("check", check.tensors());
      kept.at("base").names().forEach(n -> tensors.put(n, kept.at("base").tensor(n)));
      Weights base = Weights.of("base", tensors);
      assertThat(lora.match(base)).hasSize(changed);
      Weights merged = AdaptedWeights.merged(base, List.of(new LoraApplication(lora, strength)));
      assertThat(merged.names()).hasSameElementsAs(base.names());
      assertThat(kept.at("out").names()).isNotEmpty();
      for (String n : kept.at("out").names()) {
        assertThat(merged.tensor(n).shape()).isEqualTo(base.shape(n));
        assertThat(relativeError(merged.tensor(n), kept.at("out").tensor(n))).isLessThan(1e-6);
      }
    }
  }

  @Test
  void severalAreAddedOneAfterTheOtherAndAnyPieceOfTheResultCanBeRead() {
    Weights base = Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6)));
    Path first =
        write(
            Map.of("a.lora_A.weight", source2(1, 1, 2, 3), "a.lora_B.weight", source2(2, 10, 20)));
    try (Lora low = Lora.read(first);
        Lora difference =
            Lora.read(
                write("second", Map.of("diffusion_model.a.diff", source2(2, 1, 1, 1, 1, 1, 1))))) {
      Weights merged =
          AdaptedWeights.merged(
              base, List.of(new LoraApplication(low, 0.5f), new LoraApplication(difference, -2f)));
      TensorSource source = merged.tensor("a.weight", 2, 3);
      assertThat(source.dtype()).isEqualTo(DType.F32);
      float[] expected = {1 + 5 - 2, 2 + 10 - 2, 3 + 15 - 2, 4 + 10 - 2, 5 + 20 - 2, 6 + 30 - 2};
      assertThat(TorchReaderTest.values(source)).isEqualTo(expected);
      byte[] whole = SafetensorsTest.bytes(source, 0, 24);
      for (int offset = 0; offset < 24; offset++) {
        for (int length = 0; length <= 24 - offset; length++) {
          assertThat(SafetensorsTest.bytes(source, offset, length))
              .isEqualTo(java.util.Arrays.copyOfRange(whole, offset, offset + length));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "lora_unet_blocks_0_self_attn_q, blocks.0.self_attn.q.weight",
    "lora_transformer_blocks_0_attn1_to_q, blocks.0.self_attn.q.weight",
    "lora_unet_blocks_0_attn2_to_out_0, blocks.0.cross_attn.o.weight",
    "lora_unet_blocks_0_ffn_net_0_proj, blocks.0.ffn.0.weight",
    "transformer.blocks.0.attn2.to_k, blocks.0.cross_attn.k.weight",
    "base_model.model.blocks.0.ffn.2, blocks.0.ffn.2.weight",
    "model.diffusion_model.head.head, head.head.weight",
    "transformer.proj_out, head.head.weight",
    "lora_unet_blocks_0.self_attn.q, blocks.0.self_attn.q.weight",
    "lora_unet__blocks_0_cross_attn_k, blocks.0.cross_attn.k.weight",
    "diffusion_model.blocks.0.modulation, blocks.0.modulation",
    "blocks.0.cross_attn.v, blocks.0.cross_attn.v.weight",
    "base_model.model.diffusion_model.blocks.0.ffn.0, blocks.0.ffn.0.weight",
    "lycoris_blocks_0_self_attn_q, blocks.0.self_attn.q.weight",
    "lycoris_blocks_0_attn2_to_out_0, blocks.0.cross_attn.o.weight",
    "unet.blocks.0.self_attn.k, blocks.0.self_attn.k.weight",
    "pipe.dit.blocks.0.self_attn.v, blocks.0.self_attn.v.weight",
    "lora_unet_condition_embedder_time_embedder_linear_1, time_embedding.0.weight",
    "lora_unet_condition_embedder_time_embedder_linear_2, time_embedding.2.weight",
    "lora_unet_condition_embedder_text_embedder_linear_1, text_embedding.0.weight",
    "lora_unet_condition_embedder_text_embedder_linear_2, text_embedding.2.weight",
    "lora_unet_condition_embedder_time_proj, time_projection.1.weight",
  })
  void everyKeyStyleFindsItsParameter(String key, String parameter) {
    LoraNames names = new LoraNames(Weights.ofShapes(CASES.resolve("t2v-tiny.json")));
    assertThat(names.find(key, "weight")).isEqualTo(parameter);
  }

  @Test
  void modulationsOfBlocksAndHeadAreChanged() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("diffusion_model.blocks.0.diff_m", source2(2, 1, 1, 1, 1, 1, 1));
    tensors.put("diffusion_model.head.diff_m", source2(1, 2, 2));
    tensors.put("diffusion_model.blocks.1.modulation.diff", source2(1, 3, 3));
    Map<String, TensorSource> network = new LinkedHashMap<>();
    network.put("blocks.0.modulation", source(1, 2, 3, 4, 5, 6));
    network.put("head.modulation", source(7, 8));
    network.put("blocks.1.modulation", source(9, 9));
    try (Lora lora = Lora.read(write(tensors))) {
      Weights merged =
          AdaptedWeights.merged(
              Weights.of("base", network), List.of(new LoraApplication(lora, 0.5f)));
      assertThat(TorchReaderTest.values(merged.tensor("blocks.0.modulation")))
          .containsExactly(1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f);
      assertThat(TorchReaderTest.values(merged.tensor("head.modulation"))).containsExactly(8, 9);
      assertThat(TorchReaderTest.values(merged.tensor("blocks.1.modulation")))
          .containsExactly(10.5f, 10.5f);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "a.lora_A.weight, a.lora_B.weight",
    "a.lora_A.default.weight, a.lora_B.default.weight",
    "a.lora_A.style-2.weight, a.lora_B.style-2.weight",
    "a.lora_A, a.lora_B",
    "a.lora_down.weight, a.lora_up.weight",
    "a.lora.down.weight, a.lora.up.weight",
    "a_lora.down.weight, a_lora.up.weight",
  })
  void everySpellingOfAPairIsKnown(String inner, String outer) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put(inner, source2(1, 1, 2, 3));
    tensors.put(outer, source2(2, 1, 2));
    try (Lora lora = Lora.read(write(tensors))) {
      LoraDelta delta =
          lora.match(Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6))))
              .get("a.weight");
      assertThat(((LoraDelta.LowRank) delta).down().shape()).isEqualTo(Shape.of(1, 3));
      assertThat(((LoraDelta.LowRank) delta).up().shape()).isEqualTo(Shape.of(2, 1));
    }
  }

  @Test
  void alphaIsDividedByTheRank() {
    Map<String, TensorSource> tensors = pair();
    tensors.put("a.alpha", TensorSource.of("alpha", Tensor.of(new float[] {4})));
    try (Lora lora = Lora.read(write(tensors))) {
      LoraDelta delta =
          lora.match(Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6))))
              .get("a.weight");
      assertThat(((LoraDelta.LowRank) delta).scale()).isEqualTo(4f);
    }
    tensors.put("a.alpha", TensorSource.of("alpha", Tensor.of(new float[] {Float.NaN})));
    refuses(tensors);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'r': 1, 'lora_alpha': 4} | 4",
        "{'transformer.r': 1, 'transformer.lora_alpha': 0.5} | 0.5",
        "{'lora_alpha': 4, 'alpha_pattern': {'b': 1, 'a': 8}} | 8",
        "{'lora_alpha': 4, 'alpha_pattern': {'^transformer.a': 8, 'a': 2}} | 8",
        "{'lora_alpha': 4, 'alpha_pattern': {'transformer': 8}} | 4",
        "{'r': 3, 'lora_alpha': 4, 'rank_pattern': {'a': 1}} | 4",
        "{'r': 1, 'lora_alpha': 4, 'use_rslora': true, 'use_dora': false} | 4",
        "{'r': 1} | 1",
        "{} | 1",
      })
  void withoutAnAlphaTensorTheHeaderTellsIt(String json, float scale) {
    Map<String, TensorSource> tensors = prefixed("transformer.");
    assertThat(scale(tensors, header(json))).isEqualTo(scale);
    tensors.put("transformer.a.alpha", TensorSource.of("alpha", Tensor.of(new float[] {3})));
    assertThat(scale(tensors, header(json))).isEqualTo(3f);
  }

  @Test
  void alphaIsDividedByTheRootOfTheRankWhereTheHeaderSaysSo() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("a.lora_A.weight", source2(4, new float[12]));
    tensors.put("a.lora_B.weight", source2(2, new float[8]));
    assertThat(scale(tensors, header("{'r': 4, 'lora_alpha': 6}"))).isEqualTo(1.5f);
    assertThat(scale(tensors, header("{'lora_alpha': 6, 'use_rslora': true}"))).isEqualTo(3f);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'r': 2, 'lora_alpha': 4} | the rank 2",
        "{'lora_alpha': 'four'} | finite number",
        "{'lora_alpha': 4, 'alpha_pattern': {'(': 1}} | pattern",
        "{'lora_alpha': 4, 'use_dora': true} | DoRA",
        "{'lora_alpha' | not JSON",
        "[] | does not hold a JSON object",
      })
  void aHeaderThatCannotBeUsedIsRefused(String json, String words) {
    Map<String, TensorSource> tensors = prefixed("transformer.");
    assertThatThrownBy(() -> scale(tensors, header(json)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }

  private static Map<String, TensorSource> prefixed(String prefix) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    pair().forEach((name, source) -> tensors.put(prefix + name, source));
    return tensors;
  }

  private static Map<String, String> header(String json) {
    return Map.of("lora_adapter_metadata", json.replace('\'', '"'));
  }

  private float scale(Map<String, TensorSource> tensors, Map<String, String> header) {
    Path file = folder.resolve("header.safetensors");
    SafetensorsWriter.write(file, tensors, header);
    Weights base = Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6)));
    try (Lora lora = Lora.read(file)) {
      return ((LoraDelta.LowRank) lora.match(base).get("a.weight")).scale();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "a.dora_scale, DoRA",
    "lora_unet_a.dora_scale, DoRA",
    "a.lora_magnitude_vector, DoRA",
    "a.lora_magnitude_vector.weight, DoRA",
    "a.lora_magnitude_vector.default.weight, DoRA",
    "a.lokr_w1, LoKr",
    "a.lokr_w2_b, LoKr",
    "a.hada_w1_a, LoHa",
    "a.hada_t2, LoHa",
    "a.lora_mid.weight, Tucker",
  })
  void whatIsNoPlainLoraIsRefusedByTheNameOfItsKind(String key, String kind) {
    Map<String, TensorSource> tensors = pair();
    tensors.put(key, source(1, 2));
    refuses(tensors).hasMessageContaining(kind).hasMessageContaining(key);
  }

  @Test
  void partsOfWan21ThatWan22DoesNotHaveAreLeftOut() {
    Map<String, TensorSource> tensors = pair();
    tensors.put("blocks.0.cross_attn.k_img.diff", source(1, 2, 3, 4, 5, 6));
    Weights base = Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6)));
    try (Lora lora = Lora.read(write(tensors))) {
      assertThat(lora.match(base).keySet()).containsExactly("a.weight");
    }
  }

  @Test
  void aFileThatIsNoLoraForTheNetworkIsRefused() {
    Map<String, TensorSource> unknown = pair();
    unknown.put("a.hada_w1_a", source(1, 2, 3, 4, 5, 6));
    refuses(unknown).hasMessageContaining("hada_w1_a");
    Map<String, TensorSource> half = pair();
    half.remove("a.lora_up.weight");
    refuses(half).hasMessageContaining("only a part");
    Map<String, TensorSource> ranks = pair();
    ranks.put("a.lora_up.weight", source(1, 2, 3, 4, 5, 6));
    refuses(ranks).hasMessageContaining("[out, rank]");
    Map<String, TensorSource> elsewhere = new LinkedHashMap<>();
    pair().forEach((name, source) -> elsewhere.put("other." + name, source));
    refuses(elsewhere).hasMessageContaining("other.a");
    Map<String, TensorSource> wrongShape = pair();
    wrongShape.put("a.lora_up.weight", source2(3, 1, 2, 3));
    refuses(wrongShape).hasMessageContaining("[2, 3]");
    refuses(Map.of("a.weight", source(1, 2, 3, 4, 5, 6)))
        .hasMessageContaining("not a known LoRA key");
    refuses(Map.of("img_emb.proj.1.diff", source(1, 2, 3, 4, 5, 6)))
        .hasMessageContaining("changes nothing");
    Map<String, TensorSource> adapters = pair();
    adapters.put("a.lora_A.other.weight", source2(1, 1, 2, 3));
    refuses(adapters).hasMessageContaining("one LoRA in a file");
    Map<String, TensorSource> twice = pair();
    twice.put("diffusion_model.a.diff", source(1, 2, 3, 4, 5, 6));
    refuses(twice).hasMessageContaining("twice");
  }

  @Test
  void nothingIsMergedIntoQuantisedWeights() {
    Weights base = Weights.ofShapes("fp8", Map.of("a.weight", Shape.of(2, 3)), DType.F8_E4M3);
    try (Lora lora = Lora.read(write(pair()))) {
      assertThatThrownBy(() -> AdaptedWeights.merged(base, List.of(new LoraApplication(lora, 1))))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("F8_E4M3");
      assertThat(
              AdaptedWeights.merged(base, List.of(new LoraApplication(lora, 1)), _ -> false)
                  .tensor("a.weight")
                  .dtype())
          .isEqualTo(DType.F32);
      assertThatThrownBy(() -> new LoraApplication(lora, Float.NaN))
          .isInstanceOf(InputException.class);
    }
  }

  private org.assertj.core.api.AbstractThrowableAssert<?, ? extends Throwable> refuses(
      Map<String, TensorSource> tensors) {
    Weights base = Weights.of("base", Map.of("a.weight", source(1, 2, 3, 4, 5, 6)));
    Path file = write(tensors);
    return assertThatThrownBy(
            () -> {
              try (Lora lora = Lora.read(file)) {
                lora.match(base);
              }
            })
        .isInstanceOf(InputException.class);
  }

  private static Map<String, TensorSource> pair() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("a.lora_down.weight", source2(1, 1, 2, 3));
    tensors.put("a.lora_up.weight", source2(2, 1, 2));
    return tensors;
  }

  private Path write(Map<String, TensorSource> tensors) {
    return write("lora", tensors);
  }

  private Path write(String name, Map<String, TensorSource> tensors) {
    Path file = folder.resolve(name + ".safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    return file;
  }

  private static TensorSource source(float... values) {
    return source2(2, values);
  }

  private static TensorSource source2(int rows, float... values) {
    return TensorSource.of("t", Tensor.of(values, rows, values.length / rows));
  }

  private static double relativeError(TensorSource got, TensorSource expected) {
    float[] a = TorchReaderTest.values(got);
    float[] b = TorchReaderTest.values(expected);
    assertThat(a).hasSameSizeAs(b);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < a.length; i++) {
      difference += (a[i] - b[i]) * (double) (a[i] - b[i]);
      norm += b[i] * (double) b[i];
    }
    return Math.sqrt(difference / norm);
  }
}
