package wan4j.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Full-size networks without a checkpoint: random weights of such magnitudes that activations stay
/// near 1 through all layers, as they do in the trained networks.
final class RandomWeights {
  /// The size of a head of umT5-XXL.
  static final int TEXT_HEAD = 64;

  private RandomWeights() {}

  /// Returns the sizes of a task's transformer: t2v-A14B, i2v-A14B or ti2v-5B, with a number of
  /// blocks.
  static TransformerConfig config(wan4j.Task task, int layers) {
    return switch (task.spelling()) {
      case "t2v-A14B" -> large("t2v", 16, layers);
      case "i2v-A14B" -> large("i2v", 36, layers);
      case "ti2v-5B" ->
          new TransformerConfig(
              "ti2v", 48, 48, 3072, 14336, 256, 4096, 512, 24, layers, 1, 2, 2, 1e-6);
      default -> throw new IllegalArgumentException("bench has no shapes for " + task.spelling());
    };
  }

  /// Returns the number of blocks of a task's transformer.
  static int layers(wan4j.Task task) {
    return task == wan4j.Task.TI2V_5B ? 30 : 40;
  }

  private static TransformerConfig large(String type, int channels, int layers) {
    return new TransformerConfig(
        type, channels, 16, 5120, 13824, 256, 4096, 512, 40, layers, 1, 2, 2, 1e-6);
  }

  /// Returns a transformer.
  static Weights transformer(TransformerConfig config, long seed) {
    return of("random " + config.modelType(), ModelShapes.transformer(config), seed);
  }

  /// Returns umT5-XXL's encoder with a number of blocks (24 in full).
  static Weights umT5(int layers) {
    return of("random umT5-XXL", ModelShapes.umT5(layers, 4096, 10_240, 64, 256_384), 3);
  }

  /// Returns the Wan2.1 autoencoder.
  static Weights vae21() {
    return of("random Wan2.1 VAE", ModelShapes.vae21(96), 4);
  }

  /// Returns the Wan2.2 autoencoder.
  static Weights vae22() {
    return of("random Wan2.2 VAE", ModelShapes.vae22(160, 256), 5);
  }

  private static Weights of(String title, Map<String, Shape> shapes, long seed) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> {
      // each tensor has a range of counters of its own
      long own = (seed << 56) | ((long) sources.size() << 40);
      boolean isNorm =
          name.endsWith("gamma") || (name.contains("norm") && name.endsWith(".weight"));
      sources.put(
          name, new RandomSource(name, shape, own, isNorm ? 1f : 0f, deviation(name, shape)));
    });
    return Weights.of(title, sources);
  }

  private static float deviation(String name, Shape shape) {
    if (name.endsWith(".weight") && shape.rank() > 1 && !name.contains("embedding.weight")) {
      return (float) (1 / Math.sqrt(shape.count() / (double) shape.size(0)));
    }
    return name.equals("token_embedding.weight") ? 1f : 0.1f;
  }
}
