package wan4j.verify;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Writes a text-to-video checkpoint again in the Diffusers layout, by the lists of names of the
/// full-size models.
final class DiffusersLayout {
  private static final Path MANIFESTS = Path.of("src/test/resources/golden/manifests");

  private DiffusersLayout() {}

  static void write(Path original, Path target) {
    try (Checkpoint checkpoint = Checkpoint.open(original)) {
      String index = "{\"_class_name\": \"WanPipeline\"}";
      Files.createDirectories(target);
      Files.writeString(target.resolve("model_index.json"), index);
      String names = "diffusers-transformer-t2v-A14B";
      for (Expert expert : checkpoint.experts()) {
        Path folder = target.resolve(expert == Expert.HIGH_NOISE ? "transformer" : "transformer_2");
        tensors(
            checkpoint.transformer(expert),
            names,
            Naming.TRANSFORMER,
            folder,
            "diffusion_pytorch_model");
        Files.writeString(folder.resolve("config.json"), config(checkpoint.config()));
      }
      tensors(
          checkpoint.vae(),
          "diffusers-vae-wan2.1",
          Naming.VAE_21,
          target.resolve("vae"),
          "diffusion_pytorch_model");
      tensors(
          checkpoint.textEncoder(),
          "diffusers-text_encoder-umt5-xxl",
          Naming.TEXT_ENCODER,
          target.resolve("text_encoder"),
          "model");
      Files.createDirectories(target.resolve("tokenizer"));
      Files.copy(
          checkpoint.tokenizer().resolve("tokenizer.json"),
          target.resolve("tokenizer/tokenizer.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void tensors(
      Weights weights, String manifest, Naming naming, Path folder, String file)
      throws IOException {
    Map<String, TensorSource> renamed = new LinkedHashMap<>();
    for (String name : Weights.ofShapes(MANIFESTS.resolve(manifest + ".json")).names()) {
      String original = naming.toOriginal(name);
      if (weights.has(original)) {
        renamed.put(name, weights.tensor(original));
      }
    }
    Files.createDirectories(folder);
    SafetensorsWriter.write(folder.resolve(file + ".safetensors"), renamed, Map.of());
    Files.writeString(folder.resolve("config.json"), "{}");
  }

  private static String config(TransformerConfig config) {
    return """
    {
      "_class_name": "WanTransformer3DModel",
      "attention_head_dim": %d,
      "eps": %s,
      "ffn_dim": %d,
      "freq_dim": %d,
      "in_channels": %d,
      "num_attention_heads": %d,
      "num_layers": %d,
      "out_channels": %d,
      "patch_size": [1, 2, 2],
      "text_dim": %d
    }
    """
        .formatted(
            config.headDim(),
            config.epsilon(),
            config.feedForwardDim(),
            config.frequencyDim(),
            config.inChannels(),
            config.heads(),
            config.layers(),
            config.outChannels(),
            config.textDim());
  }
}
