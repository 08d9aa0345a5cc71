package wan4j.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/// Tells which model a transformer belongs to: t2v, i2v, ti2v, s2v, animate, animate-2, or nothing
/// for a network that is no transformer.
final class TransformerType {
  private static final String CONFIG = "config.json";

  // huggingface/diffusers calls the later networks WanAnimate2Transformer3DModel and so on
  private static final Pattern LATER_ANIMATE = Pattern.compile("Animate[_-]?V?[2-9]");

  private TransformerType() {}

  /// Returns the type of a transformer in a folder or file: by its config, else by its tensors.
  static String of(Path transformer) {
    Path config = transformer.resolve(CONFIG);
    if (Files.exists(config)) {
      return of(ConfigFile.read(config));
    }
    try (Weights weights = Weights.open(transformer, Naming.TRANSFORMER)) {
      return of(weights);
    }
  }

  /// Returns the type by a config alone: its own word for it, its class, or its channels.
  static String of(ConfigFile config) {
    String className = config.text("_class_name", "");
    boolean isTransformer =
        config.has("model_type")
            || (className.contains("Wan") && !className.contains("Autoencoder"));
    if (!isTransformer) {
      return "";
    }
    if (LATER_ANIMATE.matcher(className).find() || config.has("refer_offset_t")) {
      return "animate-2";
    }
    String given = config.text("model_type", "");
    if (!given.isEmpty()) {
      return given;
    }
    String in = config.has("in_dim") ? "in_dim" : "in_channels";
    String out = config.has("out_dim") ? "out_dim" : "out_channels";
    return TransformerConfig.typeOf(config, config.integer(in, 16), config.integer(out, 16));
  }

  private static String of(Weights weights) {
    if (weights.has("casual_audio_encoder.weights")) {
      return "s2v";
    }
    if (!weights.at("motion_encoder").names().isEmpty()) {
      return "animate";
    }
    if (!weights.has("patch_embedding.weight")) {
      return "";
    }
    return switch (weights.tensor("patch_embedding.weight").shape().length(1)) {
      case 16 -> "t2v";
      case 36 -> "i2v";
      case 48 -> "ti2v";
      default -> "";
    };
  }
}
