package wan4j.quant;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import wan4j.tensor.InputException;

/// Which linear layers of a transformer run in FP8 and which keep more bits, by the layer's name in
/// the original Wan checkpoints (`blocks.7.self_attn.q`), with the reason: the one place where this
/// is decided.
public final class PrecisionTable {
  /// One line of the table: layers whose names match, what they keep when the rest is quantised
  /// (or, for `FLOAT32`, always), and why.
  private record Rule(Pattern name, Precision kept, String reason) {
    Rule(String name, Precision kept, String reason) {
      this(compile(name), kept, reason);
    }
  }

  private static final Pattern NAME = Pattern.compile("[\\w*]+(\\.[\\w*]+)*");

  private static final List<Rule> RULES =
      List.of(
          new Rule(
              "time_embedding",
              Precision.FLOAT32,
              "its output steers every modulation, and the reference keeps it in float32"),
          new Rule(
              "time_projection",
              Precision.FLOAT32,
              "shift, scale and gate of every block come from it, and the reference keeps it in"
                  + " float32"),
          new Rule(
              "head",
              Precision.FLOAT32,
              "its rounding goes straight into the latents, and it is 0.002 % of the work"),
          new Rule(
              "patch_embedding",
              Precision.PLAIN,
              "its rounding reaches every token at once, and it is 0.005 % of the work"),
          new Rule("pose_patch_embedding", Precision.PLAIN, "as patch_embedding"),
          new Rule("cond_encoder", Precision.PLAIN, "as patch_embedding, for pose latents"),
          new Rule(
              "text_embedding", Precision.PLAIN, "it runs once a request on 512 rows: no time won"),
          new Rule("img_emb", Precision.PLAIN, "it runs once a request on 257 rows: no time won"),
          new Rule("casual_audio_encoder", Precision.PLAIN, "it runs once a clip: no time won"),
          new Rule(
              "audio_injector.injector_adain_layers",
              Precision.PLAIN,
              "it makes shifts and scales, as time_projection does"),
          new Rule(
              "audio_injector.injector.*.k",
              Precision.PLAIN,
              "its rows are a few tokens of sound a frame: no time won"),
          new Rule("audio_injector.injector.*.v", Precision.PLAIN, "as the keys of sound"),
          new Rule("motion_encoder", Precision.PLAIN, "it runs once a clip: no time won"),
          new Rule("face_encoder", Precision.PLAIN, "it runs once a clip: no time won"),
          new Rule(
              "face_adapter.fuser_blocks.*.linear1_kv",
              Precision.PLAIN,
              "its rows are five face tokens a frame, once a clip: no time won"));

  private final Precision recipe;
  private final List<String> skipped;
  private final List<Pattern> skippedNames;
  private final Set<String> stored; // null where what is stored does not matter

  private PrecisionTable(Precision recipe, List<String> skipped, Set<String> stored) {
    this.recipe = recipe;
    this.skipped = List.copyOf(skipped);
    this.skippedNames = skipped.stream().map(PrecisionTable::compile).toList();
    this.stored = stored;
  }

  /// Creates a table for a recipe; `skipped` are names of layers that stay plain: a whole name, its
  /// first parts (`blocks.39`), or either with `*` in place of a part (`blocks.*.ffn.2`). Throws
  /// `InputException` for a pattern that can be no name.
  public static PrecisionTable of(Precision recipe, List<String> skipped) {
    return new PrecisionTable(recipe, skipped, null);
  }

  /// Creates a table for a checkpoint that stores weights in FP8: those layers run in the recipe,
  /// all others stay plain, and so do the skipped ones.
  public static PrecisionTable ofStored(
      Precision recipe, Set<String> layers, List<String> skipped) {
    return new PrecisionTable(recipe, skipped, Set.copyOf(layers));
  }

  /// Returns the precision of a linear layer.
  public Precision precision(String layer) {
    Rule rule = rule(layer);
    if (rule != null) {
      return rule.kept();
    }
    boolean isKept = isSkipped(layer) || !isStored(layer);
    return recipe.isFloat8() && isKept ? Precision.PLAIN : recipe;
  }

  private static Rule rule(String layer) {
    return RULES.stream()
        .filter(rule -> rule.name().matcher(layer).matches())
        .findFirst()
        .orElse(null);
  }

  /// Returns the precision of layers that run as one: that of the recipe only where all of them
  /// take it.
  public Precision precision(List<String> layers) {
    return precision(decisive(layers));
  }

  /// Returns why layers that run as one have their precision, as a phrase.
  public String reason(List<String> layers) {
    return reason(decisive(layers));
  }

  /// Returns the first layer that keeps more bits than the recipe, if there is one.
  private String decisive(List<String> layers) {
    return layers.stream()
        .filter(layer -> precision(layer) != recipe)
        .findFirst()
        .orElse(layers.getFirst());
  }

  /// Returns why a layer has its precision, as a phrase.
  public String reason(String layer) {
    Rule rule = rule(layer);
    if (rule != null) {
      return rule.reason();
    }
    if (recipe.isFloat8() && !isStored(layer)) {
      return "the checkpoint stores it in more bits, or wants its products in full precision";
    }
    if (recipe.isFloat8() && isSkipped(layer)) {
      return "--fp8_skip names it";
    }
    return "nearly all weights and nearly all the time are in such layers";
  }

  /// Throws `InputException` when a skipped name matches none of a network's linear layers, or only
  /// such that are in more bits anyway, or when all are skipped.
  public void checkSkipped(Collection<String> layers) {
    checkNames(layers);
    boolean isFloat8 = layers.stream().anyMatch(layer -> precision(layer).isFloat8());
    if (!skipped.isEmpty() && recipe.isFloat8() && !isFloat8) {
      throw new InputException(
          "--fp8_skip got %s, which leaves no layer in FP8; name fewer, or do without FP8"
              .formatted(String.join(",", skipped)));
    }
  }

  private void checkNames(Collection<String> layers) {
    for (int i = 0; i < skipped.size(); i++) {
      Pattern name = skippedNames.get(i);
      List<String> named = layers.stream().filter(layer -> name.matcher(layer).matches()).toList();
      if (named.isEmpty()) {
        throw new InputException(
            "--fp8_skip got %s, which names no linear layer of the transformer; give names such as blocks.0 or blocks.*.ffn.2"
                .formatted(skipped.get(i)));
      }
      if (named.stream().allMatch(layer -> rule(layer) != null || !isStored(layer))) {
        Rule rule = rule(named.getFirst());
        boolean isFloat32 = rule != null && rule.kept() == Precision.FLOAT32;
        throw new InputException(
            "--fp8_skip got %s, which stays in %s anyway (%s); leave it out, or give names such as blocks.0 or blocks.*.ffn.2"
                .formatted(
                    skipped.get(i),
                    isFloat32 ? "float32" : "bfloat16",
                    rule == null ? "the checkpoint stores it in more bits" : rule.reason()));
      }
    }
  }

  private boolean isStored(String layer) {
    return stored == null || stored.contains(layer);
  }

  private boolean isSkipped(String layer) {
    return skippedNames.stream().anyMatch(name -> name.matcher(layer).matches());
  }

  private static Pattern compile(String pattern) {
    if (!NAME.matcher(pattern).matches()) {
      throw new InputException(
          "--fp8_skip got \"%s\", which is not a name of a layer; give names such as blocks.0 or blocks.*.ffn.2"
              .formatted(pattern));
    }
    String expression = pattern.replace(".", "\\.").replace("*", "[^.]*");
    return Pattern.compile(expression + "(\\..*)?");
  }
}
