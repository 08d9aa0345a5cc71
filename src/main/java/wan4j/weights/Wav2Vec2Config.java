package wan4j.weights;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.tensor.InputException;

/// What the tensors of a wav2vec2 network do not tell of it, from its config.json.
///
/// @param heads attention heads
/// @param strides how many samples, or features, each convolution of the front moves on
/// @param groups the groups of the convolution of positions
/// @param epsilon what norms add before the square root
public record Wav2Vec2Config(int heads, List<Integer> strides, int groups, double epsilon) {
  /// Copies the strides.
  public Wav2Vec2Config {
    strides = List.copyOf(strides);
  }

  /// Reads a config.json; throws `InputException` when it is one of a network with other layers.
  public static Wav2Vec2Config of(ConfigFile config) {
    require(config, "feat_extract_norm", config.text("feat_extract_norm", "group"), "layer");
    require(
        config, "feat_extract_activation", config.text("feat_extract_activation", "gelu"), "gelu");
    require(config, "hidden_act", config.text("hidden_act", "gelu"), "gelu");
    boolean isPreNorm = config.flag("do_stable_layer_norm", false);
    require(config, "do_stable_layer_norm", Boolean.toString(isPreNorm), "true");
    int[] strides = config.integers("conv_stride");
    if (strides.length == 0 || IntStream.of(strides).anyMatch(stride -> stride < 1)) {
      throw new InputException(
          "%s gives conv_stride without a stride of at least 1; expected one for each convolution: download the file again"
              .formatted(config.path()));
    }
    return new Wav2Vec2Config(
        config.integer("num_attention_heads"),
        IntStream.of(strides).boxed().toList(),
        config.integer("num_conv_pos_embedding_groups", 16),
        config.decimal("layer_norm_eps", 1e-5));
  }

  private static void require(ConfigFile config, String name, String got, String expected) {
    if (!got.equals(expected)) {
      throw new InputException(
          "%s gives %s as %s; expected %s, as wav2vec2-large-xlsr-53 has it: use that network"
              .formatted(config.path(), name, got, expected));
    }
  }
}
