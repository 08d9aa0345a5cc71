package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.Task;
import wan4j.bench.random.RandomWeights;
import wan4j.ops.ForwardPass;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.ConfigFile;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Wav2Vec2Config;
import wan4j.weights.Weights;

/// Builds every full-size network on shapes alone: each tensor of the published lists is taken,
/// with its shape, and none is left.
final class FullSizeTest {
  private static final Path MANIFESTS = Path.of("src/test/resources/golden/manifests");
  private static final Path LATER = Path.of("src/test/resources/golden/manifests-s2v-animate");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "dit-t2v-A14B, t2v, 5120, 40, 14288491584",
    "dit-i2v-A14B, i2v, 5120, 40, 14288901184",
    "dit-ti2v-5B, ti2v, 3072, 30, 4999787712",
    "diffusers-transformer-t2v-A14B, t2v, 5120, 40, 14288491584",
    "diffusers-transformer-i2v-A14B, i2v, 5120, 40, 14288901184",
    "diffusers-transformer-ti2v-5B, ti2v, 3072, 30, 4999787712",
  })
  void aTransformerTakesEveryTensor(
      String manifest, String type, int dim, int layers, long parameters) throws IOException {
    Weights weights = manifest(manifest).renamed(Naming.TRANSFORMER);
    TransformerConfig config = TransformerConfig.of(config(manifest), weights);
    assertThat(config.modelType()).isEqualTo(type);
    assertThat(config.dim()).isEqualTo(dim);
    assertThat(config.layers()).isEqualTo(layers);
    assertThat(config.textLength()).isEqualTo(512);
    try (NullOps ops = new NullOps(DType.BF16, DType.F32, 256);
        WanTransformer transformer = transformer(config, weights, ops)) {
      assertThat(weights.unused()).isEmpty();
      assertThat(transformer.config()).isEqualTo(config);
      // two bytes each, but for the embeddings, which stay in float32
      assertThat(ops.liveBytes()).isBetween(2 * parameters, 2 * parameters + parameters / 25);
    }
  }

  @Test
  void theTransformerOfSpeechTakesEveryTensorAndManyTokens() throws IOException {
    Weights weights = Weights.ofShapes(LATER.resolve("dit-s2v-14B.json"));
    TransformerConfig config = TransformerConfig.of(config(LATER, "dit-s2v-14B"), weights);
    assertThat(config).isEqualTo(RandomWeights.config(Task.S2V_14B, 40));
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        DiffusionNetwork network =
            DiffusionNetwork.load(
                config,
                weights,
                ops,
                SequenceGroup.SOLO,
                PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of()))) {
      assertThat(weights.unused()).isEmpty();
      assertThat(
              network.linearLayers().stream()
                  .filter(layer -> layer.layers().getFirst().startsWith("audio_injector.injector."))
                  .filter(layer -> layer.precision().isFloat8())
                  .flatMap(layer -> layer.layers().stream()))
          .hasSize(2 * 12)
          .allMatch(name -> name.endsWith(".q") || name.endsWith(".o"));
      for (boolean isFirst : new boolean[] {true, false}) {
        try (var _ = ops.scope()) {
          Tensor sample = ops.empty(DType.F32, 16, 20, 88, 128); // 1024 x 704
          Conditions conditions =
              new Conditions.Speech(
                  Tensor.zeros(DType.F32, Shape.of(512, 4096)),
                  Tensor.zeros(DType.F32, Shape.of(25, 1024, 73 + 80)),
                  ops.empty(DType.F32, 16, 1, 88, 128),
                  ops.empty(DType.F32, 16, 19, 88, 128),
                  !isFirst,
                  null);
          DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
          assertThat(prepared.tokens()).isEqualTo(Shape.of(isFirst ? 59_136 : 63_360, 5120));
          network.read(conditions, Branch.CONDITIONAL, prepared);
          ForwardPass pass = ForwardPass.only(Branch.CONDITIONAL);
          Tensor velocity = network.forward(sample, 999, pass, prepared, BlockRun.ALWAYS);
          assertThat(velocity.shape()).isEqualTo(sample.shape());
        }
      }
    }
  }

  @Test
  void theTransformerOfAnimateTakesEveryTensor() throws IOException {
    Weights weights = Weights.ofShapes(LATER.resolve("dit-animate-14B.json"));
    ConfigFile file =
        ConfigFile.read(
            Files.writeString(
                folder.resolve("config.json"),
                "{\"_class_name\": \"WanAnimateModel\", \"num_heads\": 40, \"in_dim\": 36}"));
    TransformerConfig config = TransformerConfig.of(file, weights);
    assertThat(config.modelType()).isEqualTo("animate");
    long parameters = 17_274_817_108L;
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        DiffusionNetwork network =
            DiffusionNetwork.load(
                config,
                weights,
                ops,
                SequenceGroup.SOLO,
                PrecisionTable.of(Precision.PLAIN, List.of()))) {
      assertThat(weights.unused()).isEmpty();
      assertThat(ops.liveBytes()).isBetween(2 * parameters, 2 * parameters + parameters / 25);
      assertThat(network.bytes()).isEqualTo(ops.liveBytes());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"vae-wan2.1", "vae-wan2.2", "diffusers-vae-wan2.1", "diffusers-vae-wan2.2"})
  void anAutoencoderTakesEveryTensor(String manifest) {
    Weights raw = manifest(manifest);
    boolean isNew = manifest.endsWith("2.2");
    assertThat(Checkpoint.isVae22(raw)).isEqualTo(isNew);
    Weights weights = raw.renamed(isNew ? Naming.VAE_22 : Naming.VAE_21);
    try (NullOps ops = new NullOps();
        VideoAutoencoder vae = isNew ? new WanVae22(weights, ops) : new WanVae21(weights, ops)) {
      assertThat(weights.unused()).isEmpty();
      assertThat(vae.channels()).isEqualTo(isNew ? 48 : 16);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"umt5-xxl-encoder", "diffusers-text_encoder-umt5-xxl"})
  void theTextEncoderTakesEveryTensor(String manifest) {
    Weights shapes = manifest(manifest).renamed(Naming.TEXT_ENCODER);
    Map<String, TensorSource> sources = new HashMap<>();
    for (String name : shapes.names()) {
      // the encoder looks at these small tables at once
      boolean isRead = name.contains("pos_embedding");
      Tensor zeros = Tensor.of(new float[isRead ? 32 * 64 : 0], isRead ? 32 : 0, 64);
      sources.put(name, isRead ? TensorSource.of(name, zeros) : shapes.tensor(name));
    }
    Weights weights = Weights.of(manifest, sources);
    try (NullOps ops = new NullOps();
        UmT5Encoder encoder = new UmT5Encoder(weights, ops)) {
      assertThat(weights.unused()).isEmpty();
      assertThat(encoder.dim()).isEqualTo(4096);
    }
  }

  @Test
  void theSpeechEncoderTakesEveryTensorOfWhatItIs() throws IOException {
    Weights weights = Weights.ofShapes(LATER.resolve("wav2vec2-large-xlsr-53-english.json"));
    // what the published config.json says beside the sizes
    String config =
        """
        {"num_attention_heads": 16, "conv_stride": [5, 2, 2, 2, 2, 2, 2],
         "feat_extract_norm": "layer", "do_stable_layer_norm": true}
        """;
    ConfigFile file = ConfigFile.read(Files.writeString(folder.resolve("config.json"), config));
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        Wav2Vec2 network = new Wav2Vec2(Wav2Vec2Config.of(file), weights, ops)) {
      assertThat(weights.unused())
          .containsExactly("lm_head.bias", "lm_head.weight", "wav2vec2.masked_spec_embed");
      assertThat(network.entries()).isEqualTo(25);
      long loaded = ops.liveBytes();
      // in bf16, and the four million of the front in float32
      assertThat(loaded).isBetween(2 * 319_000_000L, 2 * 324_000_000L);
      int samples = 20 * 16_000;
      Tensor sound = Tensor.of(new float[samples], samples);
      assertThat(network.mix(sound, new double[25], 9999).shape()).isEqualTo(Shape.of(999, 1024));
      assertThat(ops.mostScopeBytes()).isLessThan(400L << 20); // the front's 250 states at once
    }
  }

  @Test
  void theEncodersOfAnimateTakeEveryTensorOfTheirs() {
    Weights clip = Weights.ofShapes(LATER.resolve("clip-vit-h-14.json"));
    Weights animate = Weights.ofShapes(LATER.resolve("dit-animate-14B.json"));
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        ClipVision vision = new ClipVision(clip, ClipVision.HEADS, ops);
        MotionEncoder motion = new MotionEncoder(animate.at("motion_encoder"), ops);
        FaceEncoder face = new FaceEncoder(animate.at("face_encoder"), ops);
        var _ = ops.scope()) {
      assertThat(clip.at("visual").unused())
          .allMatch(name ->
              name.startsWith("visual.transformer.31.")
                  || name.startsWith("visual.post_norm.")
                  || name.equals("visual.head"));
      assertThat(animate.at("motion_encoder").unused()).isEmpty();
      assertThat(animate.at("face_encoder").unused()).isEmpty();
      assertThat(vision.size()).isEqualTo(224);
      assertThat(motion.size()).isEqualTo(512);
      Tensor tokens = vision.encode(Tensor.of(new float[3 * 224 * 224], 3, 224, 224));
      assertThat(tokens.shape()).isEqualTo(Shape.of(257, 1280));
      int pixels = 512 * 512 * 3;
      Tensor moved = motion.encode(Tensor.of(new byte[2 * pixels], 2, 512, 512, 3));
      assertThat(moved.shape()).isEqualTo(Shape.of(2, 512));
      for (int frames : new int[] {1, 2, 5, 9, 77}) {
        Tensor faces = face.encode(ops.empty(DType.F32, frames, 512));
        assertThat(faces.shape()).isEqualTo(Shape.of((frames + 3) / 4, 5, 5120));
      }
      Tensor small = Tensor.of(new byte[pixels / 4], 1, 256, 256, 3);
      assertThatThrownBy(() -> motion.encode(small))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("256, 256");
    }
  }

  @Test
  void oneWrongShapeOrMissingTensorIsFoundBeforeAnythingIsLoaded() throws IOException {
    Weights whole = manifest("dit-ti2v-5B");
    TransformerConfig config = TransformerConfig.of(config("dit-ti2v-5B"), whole);
    String name = "blocks.29.ffn.2.bias";
    for (Shape shape : new Shape[] {Shape.of(3071), null}) {
      Map<String, Shape> shapes = new HashMap<>();
      whole.names().forEach(n -> shapes.put(n, whole.shape(n)));
      shapes.remove(name);
      if (shape != null) {
        shapes.put(name, shape);
      }
      Weights damaged = Weights.ofShapes("damaged", shapes, DType.F32);
      try (NullOps ops = new NullOps()) {
        assertThatThrownBy(() -> transformer(config, damaged, ops))
            .isInstanceOf(InputException.class)
            .hasMessageContaining(name);
      }
    }
  }

  private static WanTransformer transformer(
      TransformerConfig config, Weights weights, NullOps ops) {
    return new WanTransformer(
        config, weights, ops, SequenceGroup.SOLO, PrecisionTable.of(Precision.PLAIN, List.of()));
  }

  private static Weights manifest(String name) {
    return Weights.ofShapes(MANIFESTS.resolve(name + ".json"));
  }

  /// Writes the config that a manifest carries to a file of its own, as it lies beside the real
  /// weights.
  private ConfigFile config(String manifest) throws IOException {
    return config(MANIFESTS, manifest);
  }

  private ConfigFile config(Path manifests, String manifest) throws IOException {
    JsonNode node =
        JsonMapper.shared()
            .readTree(Files.readString(manifests.resolve(manifest + ".json")))
            .path("config");
    return ConfigFile.read(Files.writeString(folder.resolve("config.json"), node.toString()));
  }
}
