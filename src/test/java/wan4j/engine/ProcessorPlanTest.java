package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.tensor.InputException;
import wan4j.weights.TransformerConfig;

final class ProcessorPlanTest {
  private static final long GIB = 1L << 30;

  private static long unasked() {
    throw new AssertionError("a request that fits anyway is not estimated");
  }

  private static double unmeasured() {
    throw new AssertionError("a short request is not timed");
  }

  @Test
  void aSmallRequestIsNeitherEstimatedNorTimed() {
    ProcessorPlan plan = new ProcessorPlan(1 << 20, 96 * 96 * 17, 1e10, 40, 20);
    assertThat(
            plan.sentences(
                ProcessorPlanTest::unasked, 4 * GIB, 2 * GIB, ProcessorPlanTest::unmeasured))
        .isEmpty();
  }

  @Test
  void whatTheMachineCannotHoldIsRefusedWithTheNumbers() {
    ProcessorPlan plan = new ProcessorPlan(60 * GIB, 1280 * 720 * 81, 1e17, 80, 40);
    assertThatThrownBy(
            () -> plan.sentences(() -> 61 * GIB, 16 * GIB, 8 * GIB, ProcessorPlanTest::unmeasured))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("needs 62,464 MiB of memory on the CPU, and this machine has 16,384")
        .hasMessageContaining("of which 8,192 are free; choose a smaller --size");
  }

  @Test
  void whatIsFreeNowAndHowLongItTakesAreTold() {
    ProcessorPlan plan = new ProcessorPlan(60 * GIB, 1280 * 720 * 81, 3.6e17, 80, 40);
    assertThat(plan.sentences(() -> 61 * GIB, 128 * GIB, 32 * GIB, () -> 1e12))
        .hasSize(2)
        .anySatisfy(line -> assertThat(line).contains("of which 32,768 are free: close other"))
        .anySatisfy(line ->
            assertThat(line)
                .startsWith("on this CPU the 40 steps take about 4 days (80 forwards of 4500.0")
                .contains("at 1000 GFLOP/s, measured now"));
    assertThat(plan.sentences(() -> 1, 0, Long.MAX_VALUE, () -> 1e16)).isEmpty();
  }

  /// A14B at 720P and 81 frames, as published: 40 blocks of 5,120, 75,600 tokens.
  @Test
  void theOperationsOfAForwardAreThoseOfItsProductsAndAttention() {
    TransformerConfig config =
        new TransformerConfig("t2v", 16, 16, 5120, 13824, 256, 4096, 512, 40, 40, 1, 2, 2, 1e-6);
    assertThat(ProcessorPlan.operations(config, 75_600) / 1e12).isBetween(6_000.0, 7_000.0);
  }

  @Test
  void aRequestIsCountedFromItsCheckpoint() {
    Path folder = Path.of("demo/checkpoint/t2v");
    EngineOptions options = new EngineOptions(folder, Device.CPU, true, false);
    VideoRequest request =
        VideoRequest.of(
            "x", new VideoSize(96, 96, 17), Sampling.of(Task.T2V_A14B, 1).withSteps(20));
    ProcessorPlan plan = ProcessorPlan.of(options, Task.T2V_A14B, request);
    assertThat(plan.steps()).isEqualTo(20);
    assertThat(plan.forwards()).isEqualTo(40);
    assertThat(plan.pixels()).isEqualTo(96 * 96 * 17);
    assertThat(plan.weightBytes()).isBetween(5_000_000L, 20_000_000L);
    assertThat(plan.sentences(options, request)).isEmpty();
  }
}
