package wan4j.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import wan4j.golden.GoldenCase;
import wan4j.tensor.InputException;

class MagCacheDecisionsTest {
  private static final List<String> TASKS = List.of("t2v", "i2v", "ti2v-text", "ti2v-image");

  @Test
  void skipsEqualTheReferences() {
    JsonNode rows = GoldenCase.json("magcache/decisions/case.json").get("rows");
    for (JsonNode row : rows) {
      if (row.get("boundary").isNumber()) {
        int split =
            MagCacheSchedule.splitStep(
                row.get("steps").asInt(),
                row.get("shift").asDouble(),
                row.get("boundary").asDouble());
        assertThat(split).as("split of %s", row).isEqualTo(row.get("split_step").asInt());
      }
      assertThat(skips(row)).as("%s", row).isEqualTo(integers(row.get("skip")));
    }
    assertThat(rows.size()).isEqualTo(64);
  }

  @Test
  void skipsOfTheReferencesNumericRunsAreTaken() {
    JsonNode runs = GoldenCase.json("magcache/skips.json").get("runs");
    for (JsonNode run : runs) {
      assertThat(skips(run)).as("%s", run).isEqualTo(integers(run.get("skip")));
    }
    assertThat(runs.size()).isEqualTo(3);
  }

  @Test
  void ratiosForOtherStepCountsEqualTheReferences() {
    JsonNode tables = GoldenCase.json("magcache/decisions/case.json").get("interpolated_ratios");
    for (Map.Entry<String, JsonNode> table : tables.properties()) {
      String[] name = table.getKey().split("/", -1);
      double[] ratios = MagnitudeRatios.published(name[0]).forSteps(Integer.parseInt(name[1]));
      assertThat(ratios.length).isEqualTo(table.getValue().size());
      for (int i = 0; i < ratios.length; i++) {
        assertThat(ratios[i]).isEqualTo(table.getValue().get(i).asDouble());
      }
    }
    assertThat(tables.size()).isEqualTo(16);
  }

  @Test
  void anyNumberOfStepsHasARatioForEveryForward() {
    for (String task : TASKS) {
      MagnitudeRatios published = MagnitudeRatios.published(task);
      for (int steps = 1; steps <= 120; steps++) {
        double[] ratios = published.forSteps(steps);
        assertThat(ratios).hasSize(2 * steps);
        assertThat(Arrays.stream(ratios)).allMatch(ratio -> ratio > 0 && ratio < 1.1);
        if (steps > 1) {
          assertThat(ratios[0]).isEqualTo(1);
          assertThat(ratios[1]).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void moreIsNeverSkippedInARowThanAllowed() {
    MagnitudeRatios ratios = MagnitudeRatios.published("t2v");
    for (RetentionRule rule : RetentionRule.values()) {
      for (int largest = 0; largest < 5; largest++) {
        for (int steps = 1; steps <= 60; steps++) {
          var settings = new MagCacheSettings(0.5, 0.1, largest);
          var decisions =
              new MagCacheDecisions(new MagCacheSchedule(settings, rule, ratios, steps, steps / 2));
          int row = 0;
          for (int step = 0; step < steps; step++) {
            row = decisions.skips(2 * step, step > 0) ? row + 1 : 0;
            assertThat(row).isLessThanOrEqualTo(largest);
          }
        }
      }
    }
  }

  @Test
  void theFirstForwardIsComputedEvenWhenNothingIsRetained() {
    var settings = new MagCacheSettings(10, 0, 100);
    var ratios = MagnitudeRatios.published("ti2v-text");
    var decisions =
        new MagCacheDecisions(
            new MagCacheSchedule(settings, RetentionRule.WHOLE_RUN, ratios, 10, 0));
    assertThat(decisions.skips(0, false)).isFalse();
    assertThat(decisions.skips(1, false)).isFalse();
    assertThat(decisions.skips(2, true)).isTrue();
  }

  @Test
  void settingsOutOfRangeAreRefusedInOneSentence() {
    for (double threshold : new double[] {-0.1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> new MagCacheSettings(threshold, 0.2, 2))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("magcache_thresh");
    }
    for (double retention : new double[] {-0.1, 1.1, Double.NaN}) {
      assertThatThrownBy(() -> new MagCacheSettings(0.1, retention, 2))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("retention_ratio");
    }
    assertThatThrownBy(() -> new MagCacheSettings(0.1, 0.2, -1))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("magcache_K");
  }

  @Test
  void aTaskWithoutPublishedRatiosIsToldToMeasure() {
    assertThatThrownBy(() -> MagnitudeRatios.published("s2v"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--magcache_calibration");
  }

  private static List<Integer> skips(JsonNode row) {
    RetentionRule rule =
        switch (row.get("mode").asString()) {
          case "t2v" -> RetentionRule.BOTH_EXPERTS;
          case "i2v" -> RetentionRule.LOW_NOISE_EXPERT;
          case "ti2v" -> RetentionRule.WHOLE_RUN;
          default -> throw new IllegalArgumentException("got mode " + row.get("mode"));
        };
    var settings =
        new MagCacheSettings(
            row.get("thresh").asDouble(), row.get("retention").asDouble(), row.get("K").asInt());
    JsonNode split = row.get("split_step");
    var schedule =
        new MagCacheSchedule(
            settings,
            rule,
            MagnitudeRatios.published(row.get("task").asString()),
            row.get("steps").asInt(),
            split.isNumber() ? split.asInt() : 0);
    var decisions = new MagCacheDecisions(schedule);
    List<Integer> skips = new ArrayList<>();
    for (int pass = 0; pass < 2 * row.get("steps").asInt(); pass++) {
      skips.add(decisions.skips(pass, pass >= 2) ? 1 : 0);
    }
    return skips;
  }

  private static List<Integer> integers(JsonNode list) {
    List<Integer> values = new ArrayList<>();
    for (JsonNode value : list) {
      values.add(value.asInt());
    }
    return values;
  }
}
