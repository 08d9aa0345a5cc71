package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.ScaleRule;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

final class JoinedSourceTest {
  @ParameterizedTest
  @CsvSource({"scale_weight", "weight_scale"})
  void oneScaleOrOneForEachOutputIsMultipliedIn(String spelling) {
    assertThat(values(spelling, Tensor.of(new float[] {0.5f})))
        .containsExactly(0.5f, 1, 1.5f, 2, 2.5f, 3);
    assertThat(values(spelling, Tensor.of(new float[] {0.5f}, 1))).startsWith(0.5f, 1, 1.5f, 2);
    assertThat(values(spelling, Tensor.of(new float[] {1, 2, 3}, 3)))
        .containsExactly(1, 2, 6, 8, 15, 18);
    assertThat(values(spelling, Tensor.of(new float[] {1, 2, 3}, 3, 1)))
        .containsExactly(1, 2, 6, 8, 15, 18);
    assertThat(values(spelling, Tensor.of(new float[] {1, 1, 2 / 3f, 1, 3, 3}, 3, 2, 1)))
        .containsExactly(1, 2, 2, 4, 15, 18);
  }

  @Test
  void tilesOf128By128HaveAScaleEach() {
    Tensor codes = codes(130, 200, Float8.toE4m3(2));
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("a.weight", TensorSource.of("a.weight", codes));
    tensors.put(
        "a.weight_scale_inv", TensorSource.of("s", Tensor.of(new float[] {1, 2, 3, 4}, 2, 2)));
    float[] values = JoinedSource.join(tensors, false, "file").get("a.weight").load().toFloats();
    assertThat(values[0]).isEqualTo(2);
    assertThat(values[128]).isEqualTo(4);
    assertThat(values[127 * 200 + 127]).isEqualTo(2);
    assertThat(values[128 * 200 + 127]).isEqualTo(6);
    assertThat(values[129 * 200 + 199]).isEqualTo(8);
  }

  @Test
  void scalesAndRemarksDisappearFromTheNamesAndTheStoredTypeIsReported() {
    Map<String, TensorSource> tensors = file("scale_weight", Tensor.of(new float[] {0.5f}));
    tensors.put("blocks.0.ffn.0.scale_input", source(1f));
    tensors.put("blocks.0.norm3.weight", source(1f, 2f));
    tensors.put("scaled_fp8", TensorSource.of("scaled_fp8", codes(0, 2, (byte) 0)));
    Weights weights = Weights.of("file", tensors).renamed(Naming.TRANSFORMER);
    assertThat(weights.names())
        .containsExactlyInAnyOrder("blocks.0.ffn.0.weight", "blocks.0.norm3.weight", "scaled_fp8");
    assertThat(weights.unused()).hasSize(2);
    assertThat(weights.tensor("blocks.0.ffn.0.weight", 3, 2).dtype()).isEqualTo(DType.F32);
    CheckpointSummary.Network summary = CheckpointSummary.network("n", weights);
    assertThat(summary.parametersByType()).containsEntry(DType.F8_E4M3, 6L);
  }

  @Test
  void namesOfTheDiffusersLayoutKeepTheirScales() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    file("weight_scale", Tensor.of(new float[] {2}))
        .forEach((name, source) -> tensors.put(name.replace("ffn.0", "ffn.net.0.proj"), source));
    tensors.put("blocks.0.attn1.norm_q.weight", source(1f));
    Weights weights = Weights.of("file", tensors).renamed(Naming.TRANSFORMER);
    assertThat(weights.tensor("blocks.0.ffn.0.weight").load().toFloats())
        .containsExactly(2, 4, 6, 8, 10, 12);
  }

  @Test
  void aLoraIsNotMergedIntoScaledWeightsButRunsBesideThem() throws java.io.IOException {
    Weights weights =
        Weights.of("file", file("scale_weight", Tensor.of(new float[] {0.5f})))
            .renamed(Naming.TRANSFORMER);
    java.nio.file.Path file = java.nio.file.Files.createTempFile("lora", ".safetensors");
    TensorSource ones = TensorSource.of("d", Tensor.of(new float[] {1, 1, 1, 1, 1, 1}, 3, 2));
    SafetensorsWriter.write(file, Map.of("blocks.0.ffn.0.diff", ones), Map.of());
    try (Lora lora = Lora.read(file)) {
      List<LoraApplication> loras = List.of(new LoraApplication(lora, 2));
      assertThatThrownBy(() -> AdaptedWeights.merged(weights, loras))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--lora_mode side");
      assertThat(AdaptedWeights.additions(weights, loras))
          .containsOnlyKeys("blocks.0.ffn.0.weight");
    } finally {
      java.nio.file.Files.delete(file);
    }
  }

  @Test
  void quantisingAgainByTheSameRuleGivesTheSameCodes() {
    float[] values = new float[64 * 96];
    java.util.Random random = new java.util.Random(3);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor plain = Tensor.of(values, 64, 96);
    Float8Matrix first = Float8Quantizer.quantize(plain, Granularity.ROW, ScaleRule.EXACT);
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("a.weight", TensorSource.of("a.weight", first.values()));
    tensors.put("a.scale_weight", TensorSource.of("s", first.inverseScales().reshape(64, 1)));
    Tensor wide = JoinedSource.join(tensors, false, "file").get("a.weight").load();
    Float8Matrix second = Float8Quantizer.quantize(wide, Granularity.ROW, ScaleRule.EXACT);
    assertThat(second.values().segment().mismatch(first.values().segment())).isEqualTo(-1);
  }

  @Test
  void scalesThatDoNotFitAreRefused() {
    for (Tensor scale :
        new Tensor[] {
          Tensor.of(new float[] {1, 2}, 2),
          Tensor.of(new float[] {Float.NaN}),
          Tensor.of(new float[] {Float.POSITIVE_INFINITY}),
          Tensor.of(new float[] {0}),
          Tensor.of(new float[] {1, -1, 1}, 3),
          Tensor.of(new float[0], 0),
          Tensor.of(new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1}, 3, 3)
        }) {
      assertThatThrownBy(() -> values("scale_weight", scale)).isInstanceOf(InputException.class);
    }
  }

  @Test
  void whereOneWeightHasAScaleAllHave() {
    Map<String, TensorSource> lost = file("weight_scale", Tensor.of(new float[] {1}));
    lost.put("blocks.0.ffn.2.weight", TensorSource.of("w", codes(3, 2, (byte) 1)));
    refuses(lost, false, "blocks.0.ffn.2.weight", "blocks.0.ffn.2.scale_weight", "again");
    Map<String, TensorSource> wrongType = file("weight_scale", Tensor.of(new int[] {1}, 1));
    refuses(wrongType, false, "blocks.0.ffn.0.weight");
    Map<String, TensorSource> bare = new LinkedHashMap<>();
    bare.put("a.weight", TensorSource.of("a.weight", codes(3, 2, (byte) 1)));
    assertThat(JoinedSource.join(bare, false, "file")).containsOnlyKeys("a.weight");
    refuses(bare, true, "a.weight");
    bare.put("scaled_fp8", TensorSource.of("scaled_fp8", codes(0, 2, (byte) 0)));
    refuses(bare, false, "a.weight");
  }

  @Test
  void weightsOfIntegersAreRefusedByTheirType() {
    Tensor integers =
        new Tensor(Shape.of(3, 2), DType.I8, new HostStorage(MemorySegment.ofArray(new byte[6])));
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("a.weight", TensorSource.of("a.weight", integers));
    tensors.put("a.weight_scale", source(1f));
    refuses(tensors, false, "a.weight", "weights of integers", "I8", "bf16 or FP8");
    tensors.clear();
    tensors.put("a.weight", source(1f));
    tensors.put("a.weight_zero_point", source(1f));
    refuses(tensors, false, "a.weight_zero_point", "weights of integers");
  }

  private static void refuses(
      Map<String, TensorSource> tensors, boolean isScaled, String... words) {
    assertThatThrownBy(() -> JoinedSource.join(tensors, isScaled, "file"))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(words);
  }

  private static float[] values(String spelling, Tensor scale) {
    return JoinedSource.join(file(spelling, scale), false, "file")
        .get("blocks.0.ffn.0.weight")
        .load()
        .toFloats();
  }

  private static Map<String, TensorSource> file(String spelling, Tensor scale) {
    byte[] codes = new byte[6];
    for (int i = 0; i < 6; i++) {
      codes[i] = Float8.toE4m3(i + 1);
    }
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    Tensor weight =
        new Tensor(Shape.of(3, 2), DType.F8_E4M3, new HostStorage(MemorySegment.ofArray(codes)));
    tensors.put("blocks.0.ffn.0.weight", TensorSource.of("w", weight));
    tensors.put("blocks.0.ffn.0." + spelling, TensorSource.of("s", scale));
    return tensors;
  }

  private static Tensor codes(int rows, int columns, byte code) {
    byte[] codes = new byte[rows * columns];
    java.util.Arrays.fill(codes, code);
    return new Tensor(
        Shape.of(rows, columns), DType.F8_E4M3, new HostStorage(MemorySegment.ofArray(codes)));
  }

  private static TensorSource source(float... values) {
    return TensorSource.of("t", Tensor.of(values, values.length));
  }
}
