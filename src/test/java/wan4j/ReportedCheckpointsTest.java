package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.EngineOptions.LoraMode;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Checkpoints as public reports describe them, made of the demo's: what a request then does.
final class ReportedCheckpointsTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final Path PIECES =
      Path.of("src/test/resources/golden/ckpt/t2v-tiny/google/umt5-xxl/spiece.model");
  private static final String VAE = "Wan2.1_VAE.pth";
  private static final String TEXT_ENCODER = "models_t5_umt5-xxl-enc-bf16.pth";
  private static final List<String> EXPERTS = List.of("high_noise_model", "low_noise_model");
  private static final int BLOCK = 32;

  @TempDir Path folder;

  /// A marker of two elements, a remark beside each layer.
  @ParameterizedTest
  @ValueSource(strings = {"scaled_fp8", "comfy_quant"})
  void filesThatAskForFullPrecisionRunAsWithoutQuantization(String hint) throws IOException {
    Path asking = checkpoint("asking");
    Path plain = checkpoint("plain");
    for (String expert : EXPERTS) {
      Map<String, TensorSource> tensors = float8(expert, ReportedCheckpointsTest::oneScale);
      write(plain, expert, tensors);
      if (hint.equals("scaled_fp8")) {
        tensors.put("scaled_fp8", bytes(DType.F8_E4M3, new byte[2], 2));
      } else {
        String remark = "{\"format\": \"float8_e4m3fn\", \"full_precision_matrix_mult\": true}";
        for (String layer : layers(tensors)) {
          tensors.put(layer + "." + hint, text(remark));
        }
      }
      write(asking, expert, tensors);
    }
    List<String> said = new ArrayList<>();
    float[] got = sample(asking, Quantization.STORED, said);
    assertThat(got).isEqualTo(sample(asking, Quantization.NONE, new ArrayList<>()));
    assertThat(got).isNotEqualTo(sample(plain, Quantization.STORED, new ArrayList<>()));
    assertThat(said).anyMatch(line -> line.contains("ask for full precision in the"));
  }

  @Test
  void scalesOfBlocksGiveTheirNumbersAndAreNamed() throws IOException {
    Path blocks = checkpoint("blocks");
    Path widened = checkpoint("widened");
    for (String expert : EXPERTS) {
      Map<String, TensorSource> tensors = float8(expert, ReportedCheckpointsTest::blockScales);
      write(blocks, expert, tensors);
      Map<String, TensorSource> wide = new LinkedHashMap<>();
      tensors.forEach((name, source) -> {
        if (source.dtype() == DType.F8_E4M3) {
          wide.put(name, widened(source, tensors.get(stem(name) + ".scale_weight")));
        } else if (!name.endsWith(".scale_weight")) {
          wide.put(name, source);
        }
      });
      write(widened, expert, wide);
    }
    List<String> said = new ArrayList<>();
    assertThat(sample(blocks, Quantization.NONE, new ArrayList<>()))
        .isEqualTo(sample(widened, Quantization.NONE, new ArrayList<>()));
    sample(blocks, new Quantization(Quantization.Recipe.TOKEN, List.of()), said);
    assertThat(said).anyMatch(line -> line.contains("a scale for each block of 32 inputs"));
  }

  @Test
  void scalesThatAreExponentsAreRefusedByTheirName() throws IOException {
    Path checkpoint = checkpoint("mxfp8");
    for (String expert : EXPERTS) {
      Map<String, TensorSource> tensors = float8(expert, ReportedCheckpointsTest::exponents);
      for (String layer : layers(tensors)) {
        tensors.put(layer + ".comfy_quant", text("{\"format\": \"mxfp8\"}"));
      }
      write(checkpoint, expert, tensors);
    }
    assertThatThrownBy(() -> sample(checkpoint, Quantization.STORED, new ArrayList<>()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("MXFP8")
        .hasMessageContaining("which wan4j does not read")
        .hasMessageNotContaining("without its scale");
  }

  /// Numbers of a text encoder in FP8, and the tokenizer that lies among its tensors.
  @Test
  void aTextEncoderBringsItsTokenizer() throws IOException {
    Path packed = checkpoint("packed", VAE, EXPERTS.getFirst(), EXPERTS.getLast());
    Path plain = checkpoint("plain", VAE, EXPERTS.getFirst(), EXPERTS.getLast());
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    Map<String, TensorSource> wide = new LinkedHashMap<>();
    try (Checkpoint demo = Checkpoint.open(DEMO)) {
      Weights weights = demo.textEncoder();
      for (String name : weights.names()) {
        TensorSource source = loaded(weights.tensor(name));
        if (name.contains("attn.") && source.shape().rank() == 2 && !name.contains("pos_")) {
          oneScale(name, source, tensors);
          wide.put(name, widened(tensors.get(name), tensors.get(stem(name) + ".scale_weight")));
        } else {
          tensors.put(name, source);
          wide.put(name, source);
        }
      }
    }
    assertThat(wide).hasSizeLessThan(tensors.size());
    byte[] pieces = Files.readAllBytes(PIECES);
    tensors.put("spiece_model", bytes(DType.U8, pieces, pieces.length));
    String name = "models_t5_umt5-xxl-enc.safetensors";
    SafetensorsWriter.write(packed.resolve(name), tensors, Map.of());
    SafetensorsWriter.write(plain.resolve(name), wide, Map.of());
    Path tokenizer = Files.createDirectories(plain.resolve("google/umt5-xxl"));
    Files.write(tokenizer.resolve("spiece.model"), pieces);
    assertThat(sample(packed, Quantization.NONE, new ArrayList<>()))
        .isEqualTo(sample(plain, Quantization.NONE, new ArrayList<>()));
  }

  @Test
  void anAutoencoderUnderThePrefixModelIsRead() throws IOException {
    Path own =
        checkpoint("prefixed", TEXT_ENCODER, "google", EXPERTS.getFirst(), EXPERTS.getLast());
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    try (Checkpoint demo = Checkpoint.open(DEMO)) {
      demo.vae()
          .names()
          .forEach(name -> tensors.put("model." + name, loaded(demo.vae().tensor(name))));
    }
    SafetensorsWriter.write(own.resolve("Wan2.1_VAE.safetensors"), tensors, Map.of());
    assertThat(video(own)).isDeepEqualTo(video(DEMO));
  }

  @ParameterizedTest
  @ValueSource(strings = {"3000", "2147483647", "5000000000"})
  void idsAboveTheEncodersTableAreRefusedWhenTheTokenizerIsLoaded(String id) throws IOException {
    Path own = checkpoint("ids", VAE, TEXT_ENCODER, EXPERTS.getFirst(), EXPERTS.getLast());
    Path tokenizer = Files.createDirectories(own.resolve("google/umt5-xxl"));
    String json =
        Files.readString(DEMO.resolve("google/umt5-xxl/tokenizer.json"))
            .replaceFirst("(\"id\"\\s*:\\s*)2\\b", "$1" + id);
    Files.writeString(tokenizer.resolve("tokenizer.json"), json);
    try (Checkpoint checkpoint = Checkpoint.open(own)) {
      assertThatThrownBy(() -> CheckpointTokenizer.of(checkpoint))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(id)
          .hasMessageNotContaining("\n");
    }
  }

  /// A folder with parts of the demo's checkpoint.
  private Path checkpoint(String name, String... parts) throws IOException {
    Path own = Files.createDirectory(folder.resolve(name));
    copy(own, parts);
    return own;
  }

  /// A folder with all but the experts.
  private Path checkpoint(String name) throws IOException {
    return checkpoint(name, VAE, TEXT_ENCODER, "google");
  }

  private static void copy(Path own, String... names) throws IOException {
    for (String name : names) {
      try (Stream<Path> files = Files.walk(DEMO.resolve(name))) {
        for (Path file : files.toList()) {
          Files.copy(file, own.resolve(DEMO.relativize(file).toString()));
        }
      }
    }
  }

  private static void write(Path checkpoint, String expert, Map<String, TensorSource> tensors)
      throws IOException {
    Path own = Files.createDirectory(checkpoint.resolve(expert));
    Files.copy(DEMO.resolve(expert).resolve("config.json"), own.resolve("config.json"));
    SafetensorsWriter.write(own.resolve("diffusion_pytorch_model.safetensors"), tensors, Map.of());
  }

  /// Puts a linear layer's weight and its scales among a file's tensors.
  private interface Form {
    void put(String name, TensorSource weight, Map<String, TensorSource> tensors);
  }

  private static Map<String, TensorSource> float8(String expert, Form form) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    try (Weights weights = Weights.open(DEMO.resolve(expert))) {
      for (String name : weights.names()) {
        TensorSource source = loaded(weights.tensor(name));
        if (name.startsWith("blocks.") && name.endsWith(".weight") && source.shape().rank() == 2) {
          form.put(name, source, tensors);
        } else {
          tensors.put(name, source);
        }
      }
    }
    return tensors;
  }

  private static void oneScale(
      String name, TensorSource weight, Map<String, TensorSource> tensors) {
    scaled(
        weight,
        weight.shape().count(),
        (codes, scales) -> {
          tensors.put(name, codes);
          tensors.put(stem(name) + ".scale_weight", floats(scales));
        });
  }

  private static void blockScales(
      String name, TensorSource weight, Map<String, TensorSource> tensors) {
    Shape shape = weight.shape();
    scaled(
        weight,
        BLOCK,
        (codes, scales) -> {
          tensors.put(name, codes);
          tensors.put(
              stem(name) + ".scale_weight",
              floats(scales, shape.size(0), shape.size(1) / BLOCK, 1));
        });
  }

  private static void exponents(
      String name, TensorSource weight, Map<String, TensorSource> tensors) {
    Shape shape = weight.shape();
    scaled(
        weight,
        BLOCK,
        (codes, scales) -> {
          tensors.put(name, codes);
          tensors.put(
              stem(name) + ".weight_scale",
              bytes(DType.U8, new byte[scales.length], shape.size(0), shape.size(1) / BLOCK));
        });
  }

  /// Quantises a weight with a scale for each `group` of its elements.
  private static void scaled(
      TensorSource weight, long group, BiConsumer<TensorSource, float[]> found) {
    float[] values = weight.load().toFloats();
    float[] scales = new float[(int) (values.length / group)];
    byte[] codes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      int at = (int) (i / group);
      scales[at] = Math.max(scales[at], Math.abs(values[i]) / Float8.MAX_E4M3);
    }
    for (int i = 0; i < values.length; i++) {
      codes[i] = Float8.toE4m3(values[i] / scales[(int) (i / group)]);
    }
    found.accept(bytes(DType.F8_E4M3, codes, weight.shape().toArray()), scales);
  }

  /// Returns the numbers that codes with scales stand for.
  private static TensorSource widened(TensorSource codes, TensorSource scales) {
    float[] values = codes.load().toFloats();
    float[] factors = scales.load().toFloats();
    int group = values.length / factors.length;
    for (int i = 0; i < values.length; i++) {
      values[i] *= factors[i / group];
    }
    return floats(values, codes.shape().toArray());
  }

  private static List<String> layers(Map<String, TensorSource> tensors) {
    return tensors.entrySet().stream()
        .filter(entry -> entry.getValue().dtype() == DType.F8_E4M3)
        .map(entry -> stem(entry.getKey()))
        .toList();
  }

  private static String stem(String name) {
    return name.substring(0, name.lastIndexOf('.'));
  }

  private static TensorSource loaded(TensorSource source) {
    return TensorSource.of(source.name(), source.load());
  }

  private static TensorSource floats(float[] values, long... sizes) {
    return TensorSource.of("floats", Tensor.of(values, sizes));
  }

  private static TensorSource text(String json) {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    return bytes(DType.U8, bytes, bytes.length);
  }

  private static TensorSource bytes(DType type, byte[] bytes, long... sizes) {
    return TensorSource.of(
        "bytes", new Tensor(Shape.of(sizes), type, new HostStorage(MemorySegment.ofArray(bytes))));
  }

  private static VideoEngine engine(Path checkpoint, Quantization quantization) {
    return VideoEngine.open(
        new EngineOptions(
            checkpoint,
            Device.CPU,
            Arithmetic.BFLOAT16,
            quantization,
            List.of(),
            LoraMode.AUTO,
            Offload.NEVER,
            false));
  }

  private static VideoRequest request() {
    return VideoRequest.of(
        "a red ball moves left",
        new VideoSize(64, 32, 5),
        new Sampling(Sampling.Solver.EULER, 2, 5, 1, 1, 7, Sampling.Generator.CUDA));
  }

  /// Samples a request's latents and keeps what was said.
  private static float[] sample(Path checkpoint, Quantization quantization, List<String> said) {
    Progress progress =
        new Progress() {
          @Override
          public void begins(String stage) {}

          @Override
          public void ends(String stage, Duration time) {}

          @Override
          public void stepped(Step step) {}

          @Override
          public void says(String sentence) {
            said.add(sentence);
          }
        };
    try (VideoEngine engine = engine(checkpoint, quantization)) {
      return engine.sample(request(), progress).values().toFloats();
    }
  }

  private static float[][] video(Path checkpoint) {
    List<float[]> pieces = new ArrayList<>();
    try (VideoEngine engine = engine(checkpoint, Quantization.NONE)) {
      engine.generate(request(), piece -> pieces.add(piece.toFloats()), Progress.NONE);
    }
    return pieces.toArray(float[][]::new);
  }
}
