package wan4j.weights.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.LinearPattern;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;

/// The fields of PEFT's LoraConfig in one place: `lora_alpha` and `r`, and other ones for modules
/// whose names match a pattern.
///
/// @param title the place, in messages
/// @param alpha NaN where it does not tell
/// @param rank NaN where it does not tell
/// @param alphas those of some modules
/// @param ranks those of some modules
/// @param isRankStabilised whether alpha is divided by the rank's root
record LoraSettings(
    String title,
    double alpha,
    double rank,
    List<Special> alphas,
    List<Special> ranks,
    boolean isRankStabilised) {
  // the files of pipelines put the component's name before each field, or the fields below it
  private static final List<String> COMPONENTS = List.of("transformer", "transformer_2");
  private static final List<String> CHANGED_BASE = List.of("pissa", "olora", "corda", "loftq");

  // modules times patterns; an ordinary file has none of the latter
  private static final int MOST_PATTERNS = 1000;

  /// A value for the modules whose names end like a pattern.
  record Special(LinearPattern module, double value) {}

  /// Reads the fields of a file's settings; throws `InputException` when they are damaged or those
  /// of another kind of adapter.
  static LoraSettings of(Path file, String title, JsonNode all) {
    Reader reader = new Reader(title, all, COMPONENTS);
    if (reader.field("use_dora").asBoolean(false)) {
      throw LoraKind.DORA.refusal(file, "use_dora");
    }
    String kind = reader.field("peft_type").asString("LORA");
    String beginning = reader.field("init_lora_weights").asString("");
    if (!kind.equalsIgnoreCase("LORA")
        || CHANGED_BASE.stream()
            .anyMatch(beginning.toLowerCase(java.util.Locale.ROOT)::startsWith)) {
      throw new InputException(
          "%s is an adapter of the kind %s by %s, which wan4j does not apply; expected a plain LoRA: convert it with PEFT, or choose another"
              .formatted(file, Quoted.of(kind.equalsIgnoreCase("LORA") ? beginning : kind), title));
    }
    return new LoraSettings(
        title,
        reader.number(reader.field("lora_alpha")),
        reader.number(reader.field("r")),
        reader.specials(reader.field("alpha_pattern")),
        reader.specials(reader.field("rank_pattern")),
        reader.field("use_rslora").asBoolean(false));
  }

  boolean tellsAlpha() {
    return !Double.isNaN(alpha) || !alphas.isEmpty();
  }

  /// Throws `InputException` when another place tells another alpha.
  void requireSame(LoraSettings other) {
    if (Double.compare(alpha, other.alpha) != 0 || isRankStabilised != other.isRankStabilised) {
      throw new InputException(
          "%s gives lora_alpha %s%s, but %s gives %s%s; expected the same in both: remove the wrong one"
              .formatted(
                  title,
                  alpha,
                  isRankStabilised ? " by the root of the rank" : "",
                  other.title,
                  other.alpha,
                  other.isRankStabilised ? " by the root of the rank" : ""));
    }
  }

  /// Returns a module's alpha / rank, or 1 where its alpha is not told; throws `InputException`
  /// when its rank is not that of the matrices.
  double scale(String module, int matrixRank) {
    double moduleAlpha = of(module, alphas, alpha);
    if (Double.isNaN(moduleAlpha)) {
      return 1;
    }
    double moduleRank = of(module, ranks, rank);
    if (!Double.isNaN(moduleRank) && moduleRank != matrixRank) {
      throw new InputException(
          "%s gives %s the rank %s, but its matrices have the rank %d; expected the same: use the settings that belong to the file"
              .formatted(title, Quoted.of(module), moduleRank, matrixRank));
    }
    return moduleAlpha / (isRankStabilised ? Math.sqrt(matrixRank) : matrixRank);
  }

  private static double of(String module, List<Special> specials, double usual) {
    return specials.stream()
        .filter(special -> special.module.matches(module))
        .mapToDouble(Special::value)
        .findFirst()
        .orElse(usual);
  }

  private record Reader(String title, JsonNode all, List<String> components) {
    /// Returns a field that stands alone, behind a component's name or below it.
    JsonNode field(String name) {
      if (all.has(name)) {
        return all.path(name);
      }
      for (String component : components) {
        if (all.has(component + "." + name)) {
          return all.path(component + "." + name);
        }
        if (all.path(component).has(name)) {
          return all.path(component).path(name);
        }
      }
      return all.path(name);
    }

    List<Special> specials(JsonNode patterns) {
      List<Special> specials = new ArrayList<>();
      if (patterns.size() > MOST_PATTERNS) {
        throw new InputException(
            "%s holds %d patterns; expected at most %d: get the file from a source you trust"
                .formatted(title, patterns.size(), MOST_PATTERNS));
      }
      patterns
          .properties()
          .forEach(entry -> {
            // PEFT takes names, ends of names and expressions for them, with or without a beginning
            String name = entry.getKey().replaceFirst("^\\^", "").replaceFirst("\\$$", "");
            LinearPattern module;
            try {
              var _ = LinearPattern.of(name);
              module = LinearPattern.of("(?:.*\\.)?(?:" + name + ")");
            } catch (InputException e) {
              throw new InputException(title + ": " + e.getMessage(), e);
            }
            specials.add(new Special(module, number(entry.getValue())));
          });
      return specials;
    }

    double number(JsonNode field) {
      if (field.isMissingNode() || field.isNull()) {
        return Double.NaN;
      }
      double value = Json.number(field);
      if (Double.isNaN(value)) {
        throw new InputException(
            "%s holds %s; expected a finite number: download it again"
                .formatted(title, Quoted.of(field.toString())));
      }
      return value;
    }
  }
}
