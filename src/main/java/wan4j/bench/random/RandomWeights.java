package wan4j.bench.random;

import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.Task;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Full-size networks without a checkpoint: random weights of such magnitudes that activations stay
/// near 1 through all layers, as they do in the trained networks.
public final class RandomWeights {
  private static final int VISION_LAYERS = 32;

  private RandomWeights() {}

  /// Returns the sizes of a task's transformer with a number of blocks.
  public static TransformerConfig config(Task task, int layers) {
    return switch (task) {
      case T2V_A14B -> large("t2v", 16, layers);
      case I2V_A14B -> large("i2v", 36, layers);
      case ANIMATE_14B -> large("animate", 36, layers);
      case TI2V_5B -> config("ti2v", 48, 48, 3072, 14336, 24, layers, null);
      case S2V_14B ->
          config("s2v", 16, 16, 5120, 13824, 40, layers, SpeechConfig.published(layers));
    };
  }

  private static TransformerConfig large(String type, int channels, int layers) {
    return config(type, channels, 16, 5120, 13824, 40, layers, null);
  }

  private static TransformerConfig config(
      String type,
      int inputs,
      int outputs,
      int dim,
      int wide,
      int heads,
      int layers,
      SpeechConfig speech) {
    return new TransformerConfig(
        type,
        inputs,
        outputs,
        dim,
        wide,
        256,
        UmT5Sizes.WIDTH,
        UmT5Sizes.TOKENS,
        heads,
        layers,
        1,
        2,
        2,
        1e-6,
        speech);
  }

  /// Returns the number of blocks of a task's transformer.
  public static int layers(Task task) {
    return task == Task.TI2V_5B ? 30 : 40;
  }

  /// Returns the number of blocks to use: the given one, or for 0 all of a task's transformer.
  public static int layers(Task task, int asked) {
    return asked == 0 ? layers(task) : asked;
  }

  /// Returns a transformer.
  public static Weights transformer(TransformerConfig config, long seed) {
    return of("random " + config.modelType(), ModelShapes.transformer(config), seed);
  }

  /// Returns umT5-XXL's encoder with a number of layers.
  public static Weights umT5(int layers) {
    return of("random umT5-XXL", ModelShapes.umT5(layers), 3);
  }

  /// Returns CLIP's image network.
  public static Weights vision() {
    return of("random CLIP", ModelShapes.vision(VISION_LAYERS), 8);
  }

  /// Returns the Wan2.1 autoencoder.
  public static Weights vae21() {
    return vae21(96);
  }

  /// Returns the Wan2.2 autoencoder.
  public static Weights vae22() {
    return vae22(160, 256);
  }

  /// Returns a Wan2.1 autoencoder of a width, 96 in the published one.
  public static Weights vae21(int width) {
    return of("random Wan2.1 VAE", ModelShapes.vae21(width), 4);
  }

  /// Returns a Wan2.2 autoencoder of the widths of encoder and decoder, 160 and 256 in the
  /// published one.
  public static Weights vae22(int encoder, int decoder) {
    return of("random Wan2.2 VAE", ModelShapes.vae22(encoder, decoder), 5);
  }

  private static Weights of(String title, Map<String, Shape> shapes, long seed) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> {
      // each tensor has a range of counters of its own
      long own = (seed << 56) | ((long) sources.size() << 40);
      boolean isNorm =
          name.endsWith("gamma")
              || (name.contains("norm") && name.endsWith(".weight"))
              || name.endsWith("audio_encoder.weights"); // whose mix is divided by their sum
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
