package wan4j.weights.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import tools.jackson.databind.JsonNode;
import wan4j.tensor.InputException;
import wan4j.weights.file.Json;
import wan4j.weights.file.Quoted;
import wan4j.weights.file.TensorFile;

/// What the header of a LoRA file tells of the ranks and alphas of its modules, as Diffusers and
/// PEFT write it (huggingface/diffusers at 58eb52c, loaders/lora_base.py; PEFT's LoraConfig):
/// `lora_alpha` and `r`, and other ones for modules whose names match a pattern.
final class LoraMetadata {
  private static final String KEY = "lora_adapter_metadata";
  // the pipeline's files put the component's name before each field
  private static final List<String> COMPONENTS = List.of("", "transformer.");

  /// Values for the modules whose names end like a pattern.
  private record Special(Pattern module, double value) {}

  private final TensorFile file;
  private final double alpha; // NaN where the file does not tell
  private final double rank;
  private final List<Special> alphas;
  private final List<Special> ranks;
  private final boolean isRankStabilised;

  /// Reads a file's header; throws `InputException` when what it tells is damaged or of a kind that
  /// is no plain LoRA.
  LoraMetadata(TensorFile file) {
    this.file = file;
    String text = file.metadata().get(KEY);
    JsonNode fields =
        text == null ? Json.empty() : Json.parse(text, "the " + KEY + " of " + file.path());
    String component =
        COMPONENTS.stream().filter(c -> fields.has(c + "lora_alpha")).findFirst().orElse("");
    alpha = number(fields.path(component + "lora_alpha"));
    rank = number(fields.path(component + "r"));
    alphas = specials(fields.path(component + "alpha_pattern"));
    ranks = specials(fields.path(component + "rank_pattern"));
    isRankStabilised = fields.path(component + "use_rslora").asBoolean(false);
    if (fields.path(component + "use_dora").asBoolean(false)) {
      throw LoraKind.DORA.refusal(file.path(), "use_dora");
    }
  }

  /// Returns by what a module's product is multiplied: alpha / rank, or 1 where the file does not
  /// tell; throws `InputException` when its rank is not that of the matrices.
  float scale(String module, int matrixRank) {
    double moduleAlpha = of(module, alphas, alpha);
    if (Double.isNaN(moduleAlpha)) {
      return 1f;
    }
    double moduleRank = of(module, ranks, rank);
    if (!Double.isNaN(moduleRank) && moduleRank != matrixRank) {
      throw new InputException(
          "%s gives %s the rank %s, but its matrices have the rank %d; expected the same: download it again"
              .formatted(file.path(), Quoted.of(module), moduleRank, matrixRank));
    }
    return (float) (moduleAlpha / (isRankStabilised ? Math.sqrt(matrixRank) : matrixRank));
  }

  private static double of(String module, List<Special> specials, double usual) {
    return specials.stream()
        .filter(special -> special.module.matcher(module).matches())
        .mapToDouble(Special::value)
        .findFirst()
        .orElse(usual);
  }

  private List<Special> specials(JsonNode patterns) {
    List<Special> specials = new ArrayList<>();
    patterns
        .properties()
        .forEach(entry -> {
          // PEFT takes names, ends of names and expressions for them, with or without a beginning
          String name = entry.getKey().replaceFirst("^\\^", "");
          try {
            Pattern module = Pattern.compile("(?:.*\\.)?(?:" + name + ")");
            specials.add(new Special(module, number(entry.getValue())));
          } catch (PatternSyntaxException e) {
            throw new InputException(
                "the %s of %s holds the pattern %s; expected a name of a layer: download it again"
                    .formatted(KEY, file.path(), Quoted.of(entry.getKey())),
                e);
          }
        });
    return specials;
  }

  private double number(JsonNode field) {
    if (field.isMissingNode() || field.isNull()) {
      return Double.NaN;
    }
    if (!field.isNumber() || !Double.isFinite(field.asDouble())) {
      throw new InputException(
          "the %s of %s holds %s; expected a finite number: download it again"
              .formatted(KEY, file.path(), Quoted.of(field.toString())));
    }
    return field.asDouble();
  }
}
