package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
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
import wan4j.weights.file.SafetensorsWriter;

final class CheckpointTest {
  private static final String CONFIG =
      """
      {"_class_name": "WanModel", "dim": 8, "ffn_dim": 12, "freq_dim": 4, "in_dim": 16, "model_type": "t2v",
       "num_heads": 2, "num_layers": 1, "out_dim": 16, "text_len": 32, "eps": 1e-06}
      """;

  @TempDir Path folder;

  @Test
  void anOriginalPairOfExpertsIsRecognised() throws IOException {
    originalPair(folder);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.layout()).isEqualTo(Layout.ORIGINAL);
      assertThat(checkpoint.kind()).isEqualTo(CheckpointKind.T2V);
      assertThat(checkpoint.experts()).containsExactly(Expert.HIGH_NOISE, Expert.LOW_NOISE);
      assertThat(checkpoint.config())
          .isEqualTo(new TransformerConfig("t2v", 16, 16, 8, 12, 4, 6, 32, 2, 1, 1, 2, 2, 1e-6));
      assertThat(checkpoint.config().headDim()).isEqualTo(4);
      assertThat(checkpoint.config().patchInputs()).isEqualTo(64);
      assertThat(checkpoint.hasVae22()).isFalse();
      assertThat(checkpoint.textEncoder().has("token_embedding.weight")).isTrue();
      assertThat(checkpoint.tokenizer()).isEqualTo(folder.resolve("google/umt5-xxl"));
      CheckpointSummary summary = checkpoint.summary();
      assertThat(summary.networks()).hasSize(4);
      assertThat(summary.networks().getFirst().parametersByType())
          .containsExactly(Map.entry(DType.F32, summary.networks().getFirst().parameters()));
      assertThat(summary.bytes()).isGreaterThan(1000);
      assertThatThrownBy(() -> checkpoint.transformer(Expert.SINGLE))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void partsMayBeRelativeLinksIntoAnotherCheckpoint() throws IOException {
    Path whole = folder.resolve("t2v");
    Path linked = folder.resolve("i2v");
    originalPair(whole);
    Files.createDirectories(linked.resolve("google"));
    for (String part :
        List.of(
            "Wan2.1_VAE.pth",
            "models_t5_umt5-xxl-enc-bf16.pth",
            "high_noise_model",
            "low_noise_model")) {
      Files.createSymbolicLink(linked.resolve(part), Path.of("../t2v/" + part));
    }
    Files.createSymbolicLink(
        linked.resolve("google/umt5-xxl"), Path.of("../../t2v/google/umt5-xxl"));
    try (Checkpoint checkpoint = Checkpoint.open(linked)) {
      assertThat(checkpoint.summary().networks()).hasSize(4);
    }
    Files.delete(whole.resolve("Wan2.1_VAE.pth"));
    refuses(linked).hasMessageContaining("broken link");
  }

  @Test
  void theDiffusersLayoutHasTheSameNames() throws IOException {
    diffusers(folder, 36);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.layout()).isEqualTo(Layout.DIFFUSERS);
      assertThat(checkpoint.kind()).isEqualTo(CheckpointKind.I2V);
      assertThat(checkpoint.transformer(Expert.HIGH_NOISE).names())
          .contains("blocks.0.ffn.0.weight", "head.head.weight");
      assertThat(checkpoint.config())
          .isEqualTo(new TransformerConfig("i2v", 36, 16, 8, 12, 4, 6, 512, 2, 1, 1, 2, 2, 1e-6));
      assertThat(checkpoint.hasVae22()).isTrue();
      assertThat(checkpoint.vae().names())
          .containsExactly("encoder.downsamples.0.downsamples.0.residual.2.weight");
    }
  }

  @ParameterizedTest
  @CsvSource({"ti2v, TI2V, Wan2.2_VAE.pth", "animate, ANIMATE, Wan2.1_VAE.pth"})
  void aCheckpointWithOneTransformerAtItsRootIsRecognised(
      String type, CheckpointKind kind, String vae) throws IOException {
    transformer(folder, CONFIG.replace("t2v", type), original(16));
    shared(folder, vae);
    if (kind == CheckpointKind.ANIMATE) {
      refuses(folder).hasMessageContaining("the image network of the checkpoint is missing");
      Files.createFile(folder.resolve("models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"));
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.kind()).isEqualTo(kind);
      assertThat(checkpoint.experts()).containsExactly(Expert.SINGLE);
      assertThat(checkpoint.config().modelType()).isEqualTo(type);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"wav2vec2-large-xlsr-53-english", "ears"})
  void aCheckpointOfSpeechHasANetworkThatHears(String name) throws IOException {
    transformer(folder, CONFIG.replace("t2v\"", "s2v\", \"audio_inject_layers\": [0]"), hearing());
    shared(folder, "Wan2.1_VAE.pth");
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("wav2vec2-large-xlsr-53-english");
    Path speech = Files.createDirectories(folder.resolve(name));
    write(speech.resolve("model.safetensors"), Map.of("wav2vec2.x", Shape.of(3)));
    Files.writeString(
        speech.resolve("config.json"),
        """
        {"model_type": "wav2vec2", "num_attention_heads": 2, "conv_stride": [5, 2],
         "feat_extract_norm": "layer", "do_stable_layer_norm": true}
        """);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.kind()).isEqualTo(CheckpointKind.S2V);
      assertThat(checkpoint.experts()).containsExactly(Expert.SINGLE);
      assertThat(checkpoint.speech().has("wav2vec2.x")).isTrue();
      assertThat(checkpoint.speechConfig().strides()).containsExactly(5, 2);
      assertThat(checkpoint.summary().networks())
          .extracting(CheckpointSummary.Network::name)
          .contains("speech network");
      SpeechConfig config = checkpoint.config().speech();
      assertThat(config.soundLayers()).isEqualTo(5);
      assertThat(config.soundDim()).isEqualTo(3);
      assertThat(config.soundTokens()).isEqualTo(4);
      assertThat(config.injectors()).isEqualTo(Map.of(0, 0));
      assertThat(config.packing()).isEqualTo(SpeechConfig.Packing.WHOLE);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'\"enable_adain\": false', enable_adain",
    "'\"enable_motioner\": true', enable_motioner",
    "'\"adain_mode\": \"full\"', adain_mode",
    "'\"audio_dim\": 4', audio_dim",
    "'\"num_audio_token\": 2', num_audio_token",
    "'\"audio_inject_layers\": [0, 5, 0]', audio_inject_layers"
  })
  void aTransformerOfSpeechThatIsOtherwiseIsRefused(String setting, String name)
      throws IOException {
    String layers = setting.contains("audio_inject") ? "" : ", \"audio_inject_layers\": [0]";
    transformer(folder, CONFIG.replace("t2v\"", "s2v\", " + setting + layers), hearing());
    try (Weights weights = Weights.open(folder)) {
      assertThatThrownBy(() -> TransformerConfig.read(folder, weights))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(name);
    }
  }

  @Test
  void aNumberOfABlockThatBeginsAnotherTakesTheLastInjector() {
    assertThat(SpeechConfig.injectors(new int[] {0, 2, 3}, 4)).isEqualTo(Map.of(0, 0, 2, 1, 3, 2));
    // blocks 1 and 10 to 12 all begin with 1, so that five injectors serve two blocks
    assertThat(SpeechConfig.injectors(new int[] {1, 2}, 13)).isEqualTo(Map.of(1, 4, 2, 1));
    assertThat(SpeechConfig.published(40).injectors())
        .hasSize(12)
        .containsEntry(0, 0)
        .containsEntry(39, 11);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "high_noise_model",
        "low_noise_model",
        "Wan2.1_VAE.pth",
        "models_t5_umt5-xxl-enc-bf16.pth",
        "google/umt5-xxl"
      })
  void aMissingPartIsNamed(String part) throws IOException {
    originalPair(folder);
    delete(folder.resolve(part));
    refuses(folder).hasMessageContaining(part);
  }

  @Test
  void whatIsNoCheckpointIsRefusedWithTheCure() throws IOException {
    refuses(folder.resolve("none")).hasMessageContaining("does not exist");
    refuses(folder).hasMessageContaining("high_noise_model");
    originalPair(folder.resolve("inner"));
    refuses(folder).hasMessageContaining("perhaps " + folder.resolve("inner"));
    refuses(folder.resolve("inner/high_noise_model"))
        .hasMessageContaining("give the folder above it");
    refuses(folder.resolve("inner/Wan2.1_VAE.pth")).hasMessageContaining("is a file");
    diffusers(folder.resolve("wan21"), 16);
    delete(folder.resolve("wan21/transformer_2"));
    refuses(folder.resolve("wan21")).hasMessageContaining("transformer_2");
  }

  @Test
  void expertsOfDifferentSizesAreRefused() throws IOException {
    originalPair(folder);
    Files.writeString(folder.resolve("low_noise_model/config.json"), CONFIG.replace("32", "64"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(checkpoint::config)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("different sizes");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"dim\": NaN",
        "\"dim\": -8",
        "\"dim\": 0",
        "\"dim\": 9",
        "\"dim\": 8.5",
        "\"dim\": 1e30",
        "\"dim\": \"8\"",
        "\"dim\": 99999999999999999999",
        "\"dim\": [8]",
        "\"dim\": 16",
        "\"dim\": 8, \"dim\": 8"
      })
  void aSizeThatCannotBeIsRefused(String value) throws IOException {
    originalPair(folder);
    Files.writeString(
        folder.resolve("high_noise_model/config.json"), CONFIG.replace("\"dim\": 8", value));
    assertThatThrownBy(
            () -> {
              try (Checkpoint checkpoint = Checkpoint.open(folder)) {
                checkpoint.config();
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageContaining("config.json")
        .message()
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"eps\": NaN",
        "\"eps\": -1",
        "\"eps\": 1e999",
        "\"num_heads\": 3",
        "\"num_heads\": 8",
        "\"num_layers\": 2",
        "\"num_heads\": null",
        "\"freq_dim\": 6",
        "\"text_len\": 2000000",
        "\"patch_size\": [1, 4, 4]",
        "\"patch_size\": 2",
        "\"patch_size\": [1]",
        "\"text_dim\": 7",
        "\"model_type\": 5",
        "\"model_type\": \"t2i\""
      })
  void aValueThatContradictsTheTensorsIsRefused(String value) throws IOException {
    originalPair(folder);
    String name = value.substring(0, value.indexOf(':'));
    String without = CONFIG.replaceAll(name + ": [^,}]*", "\"other\": 1");
    Files.writeString(
        folder.resolve("high_noise_model/config.json"), without.replace("{", "{" + value + ","));
    assertThatThrownBy(
            () -> {
              try (Checkpoint checkpoint = Checkpoint.open(folder)) {
                checkpoint.config();
              }
            })
        .isInstanceOf(InputException.class);
  }

  @Test
  void aClosedCheckpointCannotBeRead() throws IOException {
    originalPair(folder);
    Checkpoint checkpoint = Checkpoint.open(folder);
    TensorSource source = checkpoint.transformer(Expert.LOW_NOISE).tensor("head.head.weight");
    source.read(0, MemorySegment.ofArray(new byte[16]));
    checkpoint.close();
    assertThatThrownBy(() -> source.read(0, MemorySegment.ofArray(new byte[16])))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  private static void originalPair(Path folder) throws IOException {
    transformer(folder.resolve("high_noise_model"), CONFIG, original(16));
    transformer(folder.resolve("low_noise_model"), CONFIG, original(16));
    shared(folder, "Wan2.1_VAE.pth");
  }

  /// Writes the parts that the transformers share; the format of a file is found by its bytes, not
  /// by its name.
  private static void shared(Path folder, String vae) throws IOException {
    Files.createDirectories(folder.resolve("google/umt5-xxl"));
    write(
        folder.resolve("models_t5_umt5-xxl-enc-bf16.pth"),
        Map.of("token_embedding.weight", Shape.of(9, 6)));
    write(folder.resolve(vae), Map.of("encoder.conv1.weight", Shape.of(4, 3, 3, 3, 3)));
  }

  private static void diffusers(Path folder, int inChannels) throws IOException {
    String config =
        """
        {"_class_name": "WanTransformer3DModel", "attention_head_dim": 4, "num_attention_heads": 2, "ffn_dim": 12,
         "freq_dim": 4, "in_channels": %d, "num_layers": 1, "out_channels": 16, "patch_size": [1, 2, 2],
         "text_dim": 6, "image_dim": null}
        """
            .formatted(inChannels);
    Map<String, Shape> tensors = new LinkedHashMap<>();
    tensors.put("patch_embedding.weight", Shape.of(8, inChannels, 1, 2, 2));
    tensors.put("condition_embedder.text_embedder.linear_1.weight", Shape.of(8, 6));
    tensors.put("condition_embedder.time_embedder.linear_1.weight", Shape.of(8, 4));
    tensors.put("blocks.0.ffn.net.0.proj.weight", Shape.of(12, 8));
    tensors.put("proj_out.weight", Shape.of(64, 8));
    transformer(folder.resolve("transformer"), config, tensors);
    transformer(folder.resolve("transformer_2"), config, tensors);
    Files.createDirectories(folder.resolve("tokenizer"));
    write(
        folder.resolve("vae/diffusion_pytorch_model.safetensors"),
        Map.of("encoder.down_blocks.0.resnets.0.conv1.weight", Shape.of(2)));
    write(
        folder.resolve("text_encoder/model.safetensors"), Map.of("shared.weight", Shape.of(9, 6)));
  }

  private static Map<String, Shape> original(int inChannels) {
    Map<String, Shape> tensors = new LinkedHashMap<>();
    tensors.put("patch_embedding.weight", Shape.of(8, inChannels, 1, 2, 2));
    tensors.put("text_embedding.0.weight", Shape.of(8, 6));
    tensors.put("time_embedding.0.weight", Shape.of(8, 4));
    tensors.put("blocks.0.ffn.0.weight", Shape.of(12, 8));
    tensors.put("head.head.weight", Shape.of(64, 8));
    return tensors;
  }

  /// What tells the sizes of a transformer of speech to video with one injector.
  private static Map<String, Shape> hearing() {
    Map<String, Shape> tensors = original(16);
    tensors.put("casual_audio_encoder.weights", Shape.of(1, 5, 1, 1));
    tensors.put("casual_audio_encoder.encoder.conv1_local.conv.weight", Shape.of(8, 3, 3));
    tensors.put("casual_audio_encoder.encoder.conv1_global.conv.weight", Shape.of(2, 3, 3));
    tensors.put("audio_injector.injector.0.q.weight", Shape.of(8, 8));
    return tensors;
  }

  private static void transformer(Path folder, String config, Map<String, Shape> tensors)
      throws IOException {
    write(folder.resolve("diffusion_pytorch_model.safetensors"), tensors);
    Files.writeString(folder.resolve("config.json"), config);
  }

  private static void write(Path file, Map<String, Shape> shapes) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> {
      HostStorage zeros =
          new HostStorage(MemorySegment.ofArray(new float[Math.toIntExact(shape.count())]));
      tensors.put(name, TensorSource.of(name, new Tensor(shape, DType.F32, zeros)));
    });
    SafetensorsWriter.write(file, tensors, Map.of());
  }

  private static void delete(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      try (var list = Files.list(path)) {
        for (Path inner : list.toList()) {
          delete(inner);
        }
      }
    }
    Files.delete(path);
  }

  private static org.assertj.core.api.AbstractThrowableAssert<?, ? extends Throwable> refuses(
      Path folder) {
    return assertThatThrownBy(() -> Checkpoint.open(folder)).isInstanceOf(InputException.class);
  }
}
