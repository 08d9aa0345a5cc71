package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Weights;

/// A network beside a transformer that is of another size than the transformer takes, or whose
/// tensors do not fit each other, is refused in a sentence that names its file.
final class OtherSizesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path TI2V = GOLDEN.resolve("ckpt/ti2v-tiny");
  private static final Path S2V = GOLDEN.resolve("s2v-ckpt");

  @TempDir private Path folder;

  /// A copy of a checkpoint of which one network's file has shapes and no elements.
  private final class Copy {
    private final Path root;
    private final Path file;
    private final Map<String, long[]> whole = new LinkedHashMap<>();

    Copy(Path original, Weights network, String replaced, String file) throws IOException {
      root = Files.createDirectory(folder.resolve("copy"));
      try (Stream<Path> parts = Files.list(original)) {
        for (Path part : parts.filter(path -> !path.endsWith(replaced)).toList()) {
          Files.createSymbolicLink(root.resolve(part.getFileName()), part.toAbsolutePath());
        }
      }
      this.file = root.resolve(file);
      Path home = this.file.getParent();
      if (!home.equals(root)) { // a folder beside whose weights is a config
        Files.createDirectory(home);
        Files.createSymbolicLink(
            home.resolve("config.json"),
            original.resolve(replaced, "config.json").toAbsolutePath());
      }
      network.names().forEach(name -> whole.put(name, network.shape(name).toArray()));
      write(whole);
      assertThatCode(this::check).doesNotThrowAnyException();
    }

    void check() {
      try (Checkpoint checkpoint = Checkpoint.open(root)) {
        CheckpointCheck.require(checkpoint, checkpoint.config());
      }
    }

    /// The network in which every size of one value has another.
    void refusesEvery(long size, long other, String... words) {
      refuses(
          shapes ->
              shapes.replaceAll(
                  (_, shape) -> Arrays.stream(shape).map(s -> s == size ? other : s).toArray()),
          words);
    }

    void refusesShape(String name, long... sizes) {
      refuses(shapes -> shapes.put(name, sizes), name.replaceFirst("\\.weight$", ""));
    }

    void refusesWithout(Predicate<String> dropped, String... words) {
      refuses(shapes -> shapes.keySet().removeIf(dropped), words);
    }

    private void refuses(Consumer<Map<String, long[]>> change, String... words) {
      Map<String, long[]> other = new LinkedHashMap<>(whole);
      change.accept(other);
      write(other);
      assertThatThrownBy(this::check)
          .isInstanceOf(InputException.class)
          .hasMessageContainingAll(words)
          .hasMessageContaining(root.toString());
    }

    private void write(Map<String, long[]> shapes) {
      StringBuilder header = new StringBuilder();
      long end = 0;
      for (Map.Entry<String, long[]> shape : shapes.entrySet()) {
        long start = end;
        end += 4 * Arrays.stream(shape.getValue()).reduce(1, (a, b) -> a * b);
        header
            .append(header.isEmpty() ? "{" : ",")
            .append("\"%s\":{\"dtype\":\"F32\",".formatted(shape.getKey()))
            .append("\"shape\":%s,".formatted(Arrays.toString(shape.getValue())))
            .append("\"data_offsets\":[%d,%d]}".formatted(start, end));
      }
      byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      length.putLong(json.length);
      try (RandomAccessFile target = new RandomAccessFile(file.toFile(), "rw")) {
        target.setLength(0);
        target.write(length.array());
        target.write(json);
        target.setLength(8 + json.length + end);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Test
  void aTextEncoder() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(TI2V)) {
      Weights network = checkpoint.textEncoder();
      Copy copy =
          new Copy(TI2V, network, "models_t5_umt5-xxl-enc-bf16.pth", "models_t5_x.safetensors");
      int width = network.shape("token_embedding.weight").length(1);
      int heads = network.shape("blocks.0.pos_embedding.embedding.weight").length(1);
      int buckets = network.shape("blocks.0.pos_embedding.embedding.weight").length(0);
      String wanted = "the transformer reads " + width;
      copy.refusesEvery(width, 2L * width, "states of " + 2 * width + " numbers", wanted);
      copy.refusesEvery(width, width + 1L, "numbers");
      copy.refusesShape("token_embedding.weight", width);
      copy.refusesShape("blocks.0.attn.q.weight");
      copy.refusesShape("blocks.0.ffn.fc1.weight", 0, width);
      copy.refusesShape("blocks.0.pos_embedding.embedding.weight", buckets, 0);
      copy.refusesEvery(heads, 37, "for 37 heads");
      copy.refusesShape("blocks.1.pos_embedding.embedding.weight", heads);
      copy.refusesWithout(name -> name.startsWith("blocks."), "has no blocks");
    }
  }

  @Test
  void theAutoencoderOfWan22() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(TI2V)) {
      Weights network = checkpoint.vae();
      Copy copy = new Copy(TI2V, network, "Wan2.2_VAE.pth", "Wan2.2_VAE.safetensors");
      copy.refusesEvery(48, 16, "Wan2.2_VAE.safetensors", "expected 48 of 16");
      copy.refusesEvery(12, 3, "conv1", "12");
      String first = "encoder.downsamples.0.downsamples.0.residual.";
      copy.refusesShape(first + "0.gamma", 8, 1, 1, 1);
      copy.refusesShape(first + "2.weight", 4, 4, 3, 3, 5);
      copy.refusesShape("encoder.conv1.weight");
      copy.refusesShape("conv1.weight", 96, 192, 1, 1, 1);
      copy.refusesWithout(name -> name.startsWith("encoder.downsamples.1."), "stage of 0 layers");
      copy.refusesWithout(
          name -> name.startsWith("encoder.downsamples.0.downsamples.2."), "sizes 2 times");
      copy.refusesWithout(name -> name.contains("time_conv"), "the number of frames 0 times");
    }
  }

  @Test
  void theAutoencoderOfWan21() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(S2V)) {
      Copy copy = new Copy(S2V, checkpoint.vae(), "Wan2.1_VAE.pth", "Wan2.1_VAE.safetensors");
      copy.refusesEvery(16, 48, "conv2 with 48 channels of 48; expected 16 of 16");
      copy.refusesShape("decoder.middle.1.to_qkv.weight", 24, 12, 1, 1);
      copy.refusesShape("decoder.upsamples.4.shortcut.weight", 6, 6, 1, 1, 1);
      copy.refusesWithout(
          name -> name.contains("decoder") && name.contains("resample"), "decoder.upsamples.3");
      copy.refusesWithout(name -> name.contains("time_conv"), "the number of frames 0 times");
    }
  }

  @Test
  void aSpeechNetwork() throws IOException {
    String name = "wav2vec2-large-xlsr-53-english";
    try (Checkpoint checkpoint = Checkpoint.open(S2V)) {
      Copy copy = new Copy(S2V, checkpoint.speech(), name, name + "/model.safetensors");
      String network = "wav2vec2.";
      copy.refusesEvery(32, 64, "[64, 2, 128]");
      copy.refusesShape(network + "feature_extractor.conv_layers.0.conv.weight", 16, 2, 10);
      copy.refusesShape(network + "feature_projection.projection.weight", 16);
      copy.refusesShape(network + "encoder.layers.0.feed_forward.intermediate_dense.weight");
      copy.refusesWithout(
          tensor -> tensor.startsWith(network + "encoder.layers.0."), "encoder.layers.0");
    }
  }

  @Test
  void anImageNetwork() throws IOException {
    Path animate = TinyAnimate.checkpoint(Files.createDirectory(folder.resolve("animate")));
    try (Checkpoint checkpoint = Checkpoint.open(animate)) {
      Weights network = checkpoint.vision();
      Copy copy =
          new Copy(
              animate,
              network,
              "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",
              "models_clip_x.safetensors");
      int width = network.shape("visual.patch_embedding.weight").length(0);
      copy.refuses(
          shapes -> shapes.replaceAll((_, shape) -> scaled(shape, width)),
          "tokens of " + 2 * width,
          "sees " + width);
      copy.refusesShape("visual.pos_embedding", width);
      copy.refusesShape("visual.transformer.0.mlp.0.weight");
    }
  }

  /// Returns a shape in which every multiple of a width is twice as much.
  private static long[] scaled(long[] shape, int width) {
    return Arrays.stream(shape).map(size -> size % width == 0 ? 2 * size : size).toArray();
  }

  @Test
  void partsOfATransformer() throws IOException {
    Path animate = TinyAnimate.checkpoint(Files.createDirectory(folder.resolve("animate")));
    String file = "diffusion_pytorch_model.safetensors";
    try (Checkpoint checkpoint = Checkpoint.open(animate)) {
      Copy copy = new Copy(animate, checkpoint.transformer(Expert.SINGLE), file, file);
      String motion = "motion_encoder.enc.net_app.convs.1.";
      copy.refuses(
          shapes -> shapes.put(motion + "conv2.1.weight", new long[] {6, 6, 3, 3}),
          "motion_encoder has layers");
      copy.refuses(
          shapes -> shapes.put(motion + "skip.0.kernel", new long[] {8, 8}),
          "motion_encoder has layers");
      copy.refuses(
          shapes -> shapes.put("motion_encoder.dec.direction.weight", new long[] {64, 20}),
          "conv1_local");
    }
  }
}
