package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import wan4j.cache.MagCacheDecisions;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;

/// MagCache's decisions without a model: which forwards of a run are skipped, where the experts
/// change, and which ratios a run of another length takes.
final class DecisionCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    int number = 0;
    for (JsonNode row : reference.json().path("rows")) {
      String name = "row " + number++ + ", " + row.path("task").asString();
      JsonNode boundary = row.path("boundary");
      if (boundary.isNumber()) {
        int split =
            MagCacheSchedule.splitStep(
                row.path("steps").asInt(), row.path("shift").asDouble(), boundary.asDouble());
        comparisons.add(
            Comparison.distance(name + ", split", split, row.path("split_step").asInt(), 0));
      }
      comparisons.add(skips(name, row));
    }
    for (Map.Entry<String, JsonNode> table :
        reference.json().path("interpolated_ratios").properties()) {
      comparisons.add(ratios(table.getKey(), table.getValue()));
    }
    return comparisons;
  }

  private static Comparison skips(String name, JsonNode row) {
    JsonNode split = row.path("split_step");
    var settings =
        new MagCacheSettings(
            row.path("thresh").asDouble(), row.path("retention").asDouble(), row.path("K").asInt());
    var decisions =
        new MagCacheDecisions(
            new MagCacheSchedule(
                settings,
                rule(row.path("mode").asString()),
                MagnitudeRatios.published(row.path("task").asString()),
                row.path("steps").asInt(),
                split.isNumber() ? split.asInt() : 0));
    JsonNode expected = row.path("skip");
    int wrong = 0;
    for (int pass = 0; pass < expected.size(); pass++) {
      boolean skips = decisions.skips(pass, pass >= 2);
      wrong += skips == (expected.get(pass).asInt() == 1) ? 0 : 1;
    }
    return Comparison.wrong(name, wrong, expected.size());
  }

  private static Comparison ratios(String name, JsonNode expected) {
    String[] taskAndSteps = name.split("/", 2);
    double[] ratios =
        MagnitudeRatios.published(taskAndSteps[0]).forSteps(Integer.parseInt(taskAndSteps[1]));
    int wrong = Math.abs(ratios.length - expected.size());
    for (int i = 0; i < Math.min(ratios.length, expected.size()); i++) {
      wrong += ratios[i] == expected.get(i).asDouble() ? 0 : 1;
    }
    return Comparison.wrong("ratios " + name, wrong, expected.size());
  }

  /// Returns the rule of a mode by its name in the cases.
  static RetentionRule rule(String mode) {
    return switch (mode) {
      case "t2v" -> RetentionRule.BOTH_EXPERTS;
      case "i2v" -> RetentionRule.LOW_NOISE_EXPERT;
      default -> RetentionRule.WHOLE_RUN;
    };
  }
}
