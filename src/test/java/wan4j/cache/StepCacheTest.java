package wan4j.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.ObjectMapper;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

class StepCacheTest {
  private static final int TOKENS = 5;
  private static final int DIM = 8;

  @TempDir private Path folder;
  private final Ops ops = CpuOps.scalar();

  @AfterEach
  void close() {
    ops.close();
  }

  @Test
  void aSkippedForwardAddsWhatItsBranchAddedLast() {
    var settings = new MagCacheSettings(100, 0, 2);
    var schedule =
        new MagCacheSchedule(
            settings, RetentionRule.WHOLE_RUN, MagnitudeRatios.published("ti2v-text"), 6, 0);
    var cache = new MagCache(ops, schedule, TOKENS, DIM);
    List<String> computed = new ArrayList<>();
    for (int step = 0; step < 6; step++) {
      for (Branch branch : Branch.values()) {
        int offset = branch == Branch.CONDITIONAL ? 0 : 100;
        float addition = offset + step + 1;
        Tensor tokens = tokens(step);
        int at = step;
        cache.forward(
            ops,
            step,
            branch,
            tokens,
            () -> {
              computed.add(at + " " + branch);
              ops.add(tokens, tokens(addition));
            });
        // steps 0 and 3 are computed, the two after each are skipped
        float expected = step + offset + (step < 3 ? 1 : 4);
        assertThat(tokens.toFloats()).containsOnly(expected);
      }
    }
    assertThat(computed)
        .containsExactly("0 CONDITIONAL", "0 UNCONDITIONAL", "3 CONDITIONAL", "3 UNCONDITIONAL");
    assertThat(cache.skipped()).isEqualTo(8);
  }

  @Test
  void withoutACacheEveryForwardIsComputed() {
    int[] runs = {0};
    StepCache.NONE.forward(ops, 0, Branch.CONDITIONAL, tokens(1), () -> runs[0]++);
    assertThat(runs[0]).isEqualTo(1);
    assertThat(StepCache.NONE.skipped()).isZero();
  }

  @Test
  void calibrationMeasuresWritesAndReadsRatios() throws IOException {
    var calibration = new MagCacheCalibration(ops, TOKENS, DIM);
    for (int step = 0; step < 4; step++) {
      for (Branch branch : Branch.values()) {
        float addition = (float) Math.pow(branch == Branch.CONDITIONAL ? 0.9 : 0.8, step);
        Tensor tokens = tokens(step);
        calibration.forward(ops, step, branch, tokens, () -> ops.add(tokens, tokens(addition)));
        assertThat(tokens.toFloats()).containsOnly(step + addition);
      }
    }
    Path file = folder.resolve("ratios.json");
    calibration.write(file, "any model");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
    double[] ratios = MagnitudeRatios.read(file).forSteps(4);
    double[] expected = {1, 1, 0.9, 0.8, 0.9, 0.8, 0.9, 0.8};
    assertThat(ratios).containsExactly(expected, within(1e-4));
    var distances = new ObjectMapper().readTree(file.toFile()).get("cosine_distances");
    assertThat(distances.size()).isEqualTo(6);
    for (var distance : distances) {
      assertThat(distance.asDouble()).isCloseTo(0, within(1e-5));
    }
  }

  @Test
  void calibrationWithoutGuidanceUsesTheConditionalFiguresForBoth() {
    var calibration = new MagCacheCalibration(ops, TOKENS, DIM);
    for (int step = 0; step < 3; step++) {
      Tensor tokens = tokens(0);
      float addition = (float) Math.pow(0.5, step);
      calibration.forward(
          ops, step, Branch.CONDITIONAL, tokens, () -> ops.add(tokens, tokens(addition)));
    }
    Path file = folder.resolve("ratios.json");
    calibration.write(file, "distilled");
    assertThat(MagnitudeRatios.read(file).forSteps(3)).containsExactly(1, 1, 0.5, 0.5, 0.5, 0.5);
  }

  @Test
  void oneStepCannotBeCalibrated() {
    var calibration = new MagCacheCalibration(ops, TOKENS, DIM);
    calibration.forward(ops, 0, Branch.CONDITIONAL, tokens(0), () -> {});
    assertThatThrownBy(() -> calibration.write(folder.resolve("ratios.json"), "any"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("2 or more");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1, 2]",
        "{\"ratios\": []}",
        "{\"ratios\": [1, 2, 3]}",
        "{\"ratios\": [1, \"x\"]}",
        "{\"ratios\": [1, -1]}",
        "{\"ratios\": [1, 1e999]}"
      })
  void aFileWithoutRatiosIsRefusedInOneSentence(String content) throws IOException {
    Path file = folder.resolve("ratios.json");
    Files.writeString(file, content);
    assertThatThrownBy(() -> MagnitudeRatios.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("ratios.json")
        .hasMessageContaining("--magcache_calibration")
        .message()
        .doesNotContain("\n");
  }

  @Test
  void aFileThatIsMissingOrCannotBeWrittenIsRefused() throws IOException {
    Path missing = folder.resolve("none").resolve("ratios.json");
    assertThatThrownBy(() -> MagnitudeRatios.read(missing)).isInstanceOf(InputException.class);
    Path taken = Files.createDirectory(folder.resolve("taken"));
    assertThatThrownBy(() -> MagnitudeRatios.write(taken, "any", List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(taken + " cannot be written");
    try (var files = Files.list(folder)) {
      assertThat(files).as("nothing half-written").containsExactly(taken);
    }
  }

  private Tensor tokens(float value) {
    float[] values = new float[TOKENS * DIM];
    Arrays.fill(values, value);
    return ops.upload(Tensor.of(values, TOKENS, DIM), DType.F32);
  }

  @Test
  void aFileThatHoldsNoRatiosIsRefusedInOneShortSentence() {
    Path hostile = Path.of("src/test/resources/reports/files/20-ratios-long/r.json");
    assertThatThrownBy(() -> MagnitudeRatios.read(hostile))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("where a finite number belongs")
        .satisfies(e -> {
          assertThat(e.getMessage()).hasSizeLessThan(500);
          assertThat(e.getMessage().chars().noneMatch(Character::isISOControl)).isTrue();
        });
    assertThatThrownBy(() -> MagnitudeRatios.read(Path.of("/dev/zero")))
        .isInstanceOf(InputException.class);
  }
}
