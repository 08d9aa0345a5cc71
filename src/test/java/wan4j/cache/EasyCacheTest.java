package wan4j.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;

class EasyCacheTest {
  private static final int STEPS = 8;

  /// Of every step: the sample's elements and, where it is computed, the prompt's velocity. From
  /// step to step the former change by these amounts; twice the change of the sample is that of the
  /// velocity.
  private static final float[] SAMPLES = {0, 1, 2, 3, 5, 6, 7, 8};

  private static final float[] VELOCITIES = {10, 12, 0, 0, 20, 0, 30, 40};

  /// Step 2 expects a relative change of 2 · 1 / 12, step 3 the same again, step 4 another 2 · 2 /
  /// 12, which is too much; step 5 expects 2 · 1 / 20. From step 6 on another expert works, and the
  /// last step is always computed.
  private static final List<Integer> COMPUTED = List.of(0, 1, 4, 6, 7);

  @Test
  void stepsAreSkippedWhileLittleChangeIsExpected() {
    try (Ops ops = CpuOps.scalar()) {
      EasyCache cache = new EasyCache(0.5, 2);
      List<Float> guesses = new ArrayList<>();
      for (int step = 0; step < STEPS; step++) {
        step(ops, cache, step, guesses);
      }
      // the sample and what the last computed velocity had beside it, for each branch
      assertThat(guesses).containsExactly(13f, -11f, 14f, -10f, 21f, -19f);
      assertThat(cache.skipped()).isEqualTo(6);
    }
  }

  /// A state goes on with the same decisions, at an expert's first step too.
  @Test
  void aStateOfAnyStepGoesOn() {
    for (int saved = 1; saved < STEPS; saved++) {
      try (Ops ops = CpuOps.scalar()) {
        EasyCache cache = new EasyCache(0.5, 2);
        List<Float> guesses = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
          if (step == saved) {
            SavedState state = new SavedState();
            cache.save(ops, state);
            cache = new EasyCache(0.5, 2);
            cache.restore(ops, state);
          }
          step(ops, cache, step, guesses);
        }
        assertThat(guesses).containsExactly(13f, -11f, 14f, -10f, 21f, -19f);
        assertThat(cache.skipped()).isEqualTo(6);
      }
    }
  }

  private static void step(Ops ops, EasyCache cache, int step, List<Float> guesses) {
    Tensor sample = tensor(SAMPLES[step]);
    boolean isComputed = COMPUTED.contains(step);
    assertThat(cache.skipsStep(ops, step, STEPS, step < 6 ? 0 : 1, sample))
        .as("step %d", step)
        .isEqualTo(!isComputed);
    for (Branch branch : Branch.values()) {
      if (isComputed) {
        float velocity = VELOCITIES[step];
        cache.computed(
            ops, branch, sample, tensor(branch == Branch.CONDITIONAL ? velocity : -velocity));
      } else {
        guesses.add(cache.velocity(ops, branch, sample).toFloats()[1]);
      }
    }
  }

  private static Tensor tensor(float value) {
    return Tensor.of(new float[] {value, value}, 1, 1, 1, 2);
  }
}
