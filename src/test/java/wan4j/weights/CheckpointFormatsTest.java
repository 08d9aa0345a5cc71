package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsWriter;

/// Checkpoints as other programs pack them.
final class CheckpointFormatsTest {
  private static final Path PIECES =
      Path.of("src/test/resources/golden/ckpt/t2v-tiny/google/umt5-xxl/spiece.model");

  @TempDir Path folder;

  @Test
  void singleFilesWithoutAConfigAreRead() throws IOException {
    for (String noise : new String[] {"high", "low"}) {
      write("wan2.2_t2v_%s_noise_14B_fp8_scaled.safetensors".formatted(noise), transformer(256));
    }
    write("wan_2.1_vae.safetensors", Map.of("conv1.weight", shape(1, 1)));
    byte[] pieces = Files.readAllBytes(PIECES);
    Map<String, TensorSource> encoder = new LinkedHashMap<>();
    encoder.put("shared.weight", shape(1000, 4));
    encoder.put("encoder.block.0.layer.0.SelfAttention.q.weight", shape(4, 4));
    encoder.put(
        "spiece_model",
        TensorSource.of(
            "spiece_model",
            new Tensor(
                Shape.of(pieces.length),
                DType.U8,
                new HostStorage(MemorySegment.ofArray(pieces)))));
    write("umt5_xxl_fp8_e4m3fn_scaled.safetensors", encoder);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.kind()).isEqualTo(CheckpointKind.T2V);
      TransformerConfig config = checkpoint.config();
      assertThat(config.heads()).isEqualTo(2);
      assertThat(config.layers()).isEqualTo(1);
      assertThat(config.dim()).isEqualTo(256);
      assertThat(checkpoint.sentencePieces()).isEqualTo(pieces);
      assertThat(CheckpointTokenizer.of(checkpoint).encode("the cat", 16).length())
          .isGreaterThan(1);
    }
    encoder.put("shared.weight", shape(10, 4));
    write("umt5_xxl_fp8_e4m3fn_scaled.safetensors", encoder);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(() -> CheckpointTokenizer.of(checkpoint))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("table has 10 rows");
    }
    write("wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors", transformer(96));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(checkpoint::config)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("num_attention_heads");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.gguf", "high_noise_model/a.gguf", "named_otherwise.safetensors"})
  void aGgufFileIsNamedWhereverItLies(String place) throws IOException {
    Path file = folder.resolve(place);
    Files.createDirectories(file.getParent());
    Files.write(
        file, "GGUF\3\0\0\0\0\0\0\0".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    if (place.startsWith("high")) {
      Path low = Files.createDirectory(folder.resolve("low_noise_model"));
      SafetensorsWriter.write(low.resolve("a.safetensors"), transformer(256), Map.of());
    }
    assertThatThrownBy(
            () -> {
              if (place.startsWith("named")) {
                Weights.open(file).close();
              } else {
                Checkpoint.open(folder).close();
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a GGUF file");
  }

  @Test
  void numbersOfTheDiffusersLayoutAreRead() throws IOException {
    for (String name : new String[] {"transformer", "transformer_2", "vae", "text_encoder"}) {
      Files.createDirectory(folder.resolve(name));
    }
    Files.createDirectory(folder.resolve("tokenizer"));
    SafetensorsWriter.write(
        folder.resolve("transformer/a.safetensors"), transformer(256), Map.of());
    Files.createDirectory(folder.resolve("scheduler"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.boundary(0.875)).isEqualTo(0.875);
      assertThat(checkpoint.boundary(0)).isZero(); // of a single transformer
      assertThat(checkpoint.flowShift(12)).isEqualTo(12);
      Files.writeString(folder.resolve("model_index.json"), "{\"boundary_ratio\": 0.5}");
      Files.writeString(folder.resolve("scheduler/scheduler_config.json"), "{\"flow_shift\": 3.0}");
      assertThat(checkpoint.boundary(0.875)).isEqualTo(0.5);
      assertThat(checkpoint.flowShift(12)).isEqualTo(3);
      Files.writeString(folder.resolve("model_index.json"), "{\"boundary_ratio\": 875}");
      assertThatThrownBy(() -> checkpoint.boundary(0.875)).isInstanceOf(InputException.class);
      Files.writeString(folder.resolve("model_index.json"), "{\"boundary_ratio\": null}");
      assertThat(checkpoint.boundary(0.875)).isEqualTo(0.875);
    }
  }

  private void write(String name, Map<String, TensorSource> tensors) {
    SafetensorsWriter.write(folder.resolve(name), tensors, Map.of());
  }

  private static Map<String, TensorSource> transformer(int dim) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("patch_embedding.weight", shape(dim, 16, 1, 2, 2));
    tensors.put("text_embedding.0.weight", shape(dim, 8));
    tensors.put("time_embedding.0.weight", shape(dim, 4));
    tensors.put("blocks.0.ffn.0.weight", shape(8, dim));
    tensors.put("head.head.weight", shape(64, dim));
    return tensors;
  }

  private static TensorSource shape(long... sizes) {
    return TensorSource.of("t", Tensor.of(new float[(int) Shape.of(sizes).count()], sizes));
  }
}
