package wan4j.weights;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// The renaming rules of each network, applied one after the other; derived from the complete name
/// maps of the reference cases (manifests/map-*.json), against which they are tested.
final class NamingRules {
  private static final Map<Naming, List<Rule>> RULES =
      new EnumMap<>(
          Map.of(
              Naming.TRANSFORMER, transformerRules(),
              Naming.VAE_21, vaeRules(false),
              Naming.VAE_22, vaeRules(true),
              Naming.TEXT_ENCODER, textEncoderRules()));

  private record Rule(Pattern pattern, Function<MatchResult, String> name) {}

  private NamingRules() {}

  static String apply(Naming naming, String name) {
    String changed = name;
    for (Rule rule : RULES.get(naming)) {
      changed = rule.pattern.matcher(changed).replaceFirst(rule.name);
    }
    return changed;
  }

  private static List<Rule> transformerRules() {
    return List.of(
        rule("^scale_shift_table$", "head.modulation"),
        rule("^proj_out\\.", "head.head."),
        rule("^condition_embedder\\.text_embedder\\.linear_1\\.", "text_embedding.0."),
        rule("^condition_embedder\\.text_embedder\\.linear_2\\.", "text_embedding.2."),
        rule("^condition_embedder\\.time_embedder\\.linear_1\\.", "time_embedding.0."),
        rule("^condition_embedder\\.time_embedder\\.linear_2\\.", "time_embedding.2."),
        rule("^condition_embedder\\.time_proj\\.", "time_projection.1."),
        rule("(?<=^blocks\\.\\d{1,4}\\.)scale_shift_table$", "modulation"),
        rule("(?<=^blocks\\.\\d{1,4}\\.)norm2\\.", "norm3."),
        rule("(?<=^blocks\\.\\d{1,4}\\.)attn1\\.", "self_attn."),
        rule("(?<=^blocks\\.\\d{1,4}\\.)attn2\\.", "cross_attn."),
        rule("(?<=_attn\\.)to_out\\.0\\.", "o."),
        rule("(?<=_attn\\.)to_(?=[qkv]\\.)", ""),
        rule("(?<=^blocks\\.\\d{1,4}\\.)ffn\\.net\\.0\\.proj\\.", "ffn.0."),
        rule("(?<=^blocks\\.\\d{1,4}\\.)ffn\\.net\\.2\\.", "ffn.2."));
  }

  private static List<Rule> vaeRules(boolean isNested) {
    List<Rule> rules = new ArrayList<>();
    rules.add(rule("^quant_conv\\.", "conv1."));
    rules.add(rule("^post_quant_conv\\.", "conv2."));
    rules.add(rule("(?<=^(en|de)coder\\.)conv_in\\.", "conv1."));
    rules.add(rule("(?<=^(en|de)coder\\.)norm_out\\.", "head.0."));
    rules.add(rule("(?<=^(en|de)coder\\.)conv_out\\.", "head.2."));
    rules.add(rule("(?<=^(en|de)coder\\.)mid_block\\.resnets\\.0\\.", "middle.0."));
    rules.add(rule("(?<=^(en|de)coder\\.)mid_block\\.attentions\\.0\\.", "middle.1."));
    rules.add(rule("(?<=^(en|de)coder\\.)mid_block\\.resnets\\.1\\.", "middle.2."));
    if (isNested) {
      // a stage holds its residual blocks and then, at place 2 or 3, the change of size
      String down = "^encoder\\.down_blocks\\.(\\d{1,4})\\.";
      String up = "^decoder\\.up_blocks\\.(\\d{1,4})\\.";
      rules.add(rule(down + "resnets\\.", "encoder.downsamples.$1.downsamples."));
      rules.add(rule(down + "downsampler\\.", "encoder.downsamples.$1.downsamples.2."));
      rules.add(rule(up + "resnets\\.", "decoder.upsamples.$1.upsamples."));
      rules.add(rule(up + "upsampler\\.", "decoder.upsamples.$1.upsamples.3."));
    } else {
      // the decoder's stages of three residual blocks and a change of size lie in one flat list
      String up = "^decoder\\.up_blocks\\.(\\d{1,4})\\.";
      rules.add(rule("^encoder\\.down_blocks\\.", "encoder.downsamples."));
      rules.add(
          new Rule(
              Pattern.compile(up + "(?:resnets\\.([012])|(upsamplers)\\.0)\\."),
              m ->
                  "decoder.upsamples.%d."
                      .formatted(
                          4 * Integer.parseInt(m.group(1))
                              + (m.group(3) == null ? Integer.parseInt(m.group(2)) : 3))));
    }
    rules.add(rule("\\.norm1\\.(?=gamma$)", ".residual.0."));
    rules.add(rule("(?<!coder)\\.conv1\\.", ".residual.2."));
    rules.add(rule("\\.norm2\\.(?=gamma$)", ".residual.3."));
    rules.add(rule("(?<!coder)\\.conv2\\.", ".residual.6."));
    rules.add(rule("\\.conv_shortcut\\.", ".shortcut."));
    return List.copyOf(rules);
  }

  private static List<Rule> textEncoderRules() {
    String block = "^encoder\\.block\\.(\\d{1,4})\\.layer\\.";
    return List.of(
        rule("^(shared|encoder\\.embed_tokens)\\.", "token_embedding."),
        rule("^encoder\\.final_layer_norm\\.", "norm."),
        rule(
            block + "0\\.SelfAttention\\.relative_attention_bias\\.",
            "blocks.$1.pos_embedding.embedding."),
        rule(block + "0\\.SelfAttention\\.", "blocks.$1.attn."),
        rule(block + "0\\.layer_norm\\.", "blocks.$1.norm1."),
        rule(block + "1\\.layer_norm\\.", "blocks.$1.norm2."),
        rule(block + "1\\.DenseReluDense\\.wi_0\\.", "blocks.$1.ffn.gate.0."),
        rule(block + "1\\.DenseReluDense\\.wi_1\\.", "blocks.$1.ffn.fc1."),
        rule(block + "1\\.DenseReluDense\\.wo\\.", "blocks.$1.ffn.fc2."));
  }

  private static Rule rule(String pattern, String name) {
    return new Rule(Pattern.compile(pattern), m -> name);
  }
}
