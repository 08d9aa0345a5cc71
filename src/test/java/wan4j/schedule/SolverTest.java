package wan4j.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.cpu.CpuOps;
import wan4j.golden.GoldenCase;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

class SolverTest {
  private final Ops ops = CpuOps.scalar();

  @AfterEach
  void close() {
    ops.close();
  }

  static List<GoldenCase> cases() {
    return GoldenCase.all("schedulers", "");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void sigmasAndTimestepsEqualTheReference(GoldenCase golden) {
    FlowSchedule schedule = schedule(golden);
    float[] sigmas = golden.tensor("out.sigmas").toFloats();
    assertThat(IntStream.rangeClosed(0, schedule.steps()).mapToObj(schedule::sigma))
        .containsExactlyElementsOf(
            IntStream.range(0, sigmas.length).mapToObj(i -> sigmas[i]).toList());
    assertThat(IntStream.range(0, schedule.steps()).map(schedule::timestep).toArray())
        .isEqualTo(golden.tensor("out.timesteps").toInts());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void latentsEqualTheReferenceAfterEveryStep(GoldenCase golden) {
    Sampler sampler = Sampler.of(golden.json().get("solver").asString());
    Tensor start = golden.tensor("in.latent");
    Solver solver = sampler.solver(ops, schedule(golden), start.shape().toArray());
    double tolerance = golden.json().get("tolerance_rel_l2").asDouble();
    for (int run = 0; run < 2; run++) {
      Tensor sample = Tensor.of(start.toFloats(), start.shape().toArray());
      long bytes = ops.peakBytes();
      for (int i = 0; i < solver.schedule().steps(); i++) {
        solver.step(ops, golden.tensor("in.model_outputs").at(i), i, sample);
        double error = relativeError(sample, golden.tensor("out.latents").at(i));
        assertThat(error).as("run %d step %d", run, i).isLessThan(tolerance);
      }
      assertThat(ops.peakBytes()).as("nothing is allocated by a step").isEqualTo(bytes);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anyNumberOfStepsEndsAtTheCleanSample(Sampler sampler) {
    Random random = new Random(7);
    for (int steps : new int[] {1, 2, 3, 14, 15, 16, 100, 1000}) {
      for (double shift : new double[] {1, 5, 12}) {
        Solver solver = sampler.solver(ops, sampler.schedule(steps, shift), 16);
        float[] clean = gaussian(random);
        float[] noise = gaussian(random);
        // a perfect network predicts noise - clean everywhere on the straight line
        float[] flow = new float[16];
        float[] first = new float[16];
        float sigma = solver.schedule().sigma(0);
        for (int i = 0; i < 16; i++) {
          flow[i] = noise[i] - clean[i];
          first[i] = (1 - sigma) * clean[i] + sigma * noise[i];
        }
        Tensor sample = Tensor.of(first, 16);
        for (int i = 0; i < steps; i++) {
          solver.step(ops, Tensor.of(flow, 16), i, sample);
        }
        assertThat(relativeError(sample, Tensor.of(clean, 16)))
            .as("%d steps, shift %s", steps, shift)
            .isCloseTo(0, within(1e-3));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void schedulesFallFromFullNoiseToNone(Sampler sampler) {
    for (int steps = 1; steps <= 120; steps++) {
      FlowSchedule schedule = sampler.schedule(steps, 12);
      assertThat(schedule.timestep(0)).isBetween(999, 1000);
      assertThat(schedule.sigma(steps)).isZero();
      for (int i = 0; i < steps; i++) {
        assertThat(schedule.sigma(i + 1)).isLessThan(schedule.sigma(i));
      }
    }
  }

  @Test
  void stepsOutOfOrderAreRefused() {
    Solver solver = Sampler.UNIPC.solver(ops, FlowSchedule.unipc(4, 5), 2);
    Tensor sample = Tensor.of(new float[2], 2);
    solver.step(ops, sample, 0, sample);
    assertThatThrownBy(() -> solver.step(ops, sample, 2, sample))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("step 2");
  }

  @Test
  void badSettingsAreRefusedInOneSentence() {
    assertThatThrownBy(() -> Sampler.of("ddim"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("unipc, dpm++ or euler");
    assertThatThrownBy(() -> FlowSchedule.unipc(0, 5))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("sample_steps got 0");
    for (double shift : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> FlowSchedule.full(4, shift))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("sample_shift");
    }
  }

  private static FlowSchedule schedule(GoldenCase golden) {
    return Sampler.of(golden.json().get("solver").asString())
        .schedule(golden.json().get("steps").asInt(), golden.json().get("shift").asDouble());
  }

  private static float[] gaussian(Random random) {
    float[] values = new float[16];
    for (int i = 0; i < 16; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double relativeError(Tensor actual, Tensor expected) {
    float[] a = actual.toFloats();
    float[] b = expected.toFloats();
    double difference = 0;
    double length = 0;
    for (int i = 0; i < a.length; i++) {
      difference += Math.pow((double) a[i] - b[i], 2);
      length += Math.pow(b[i], 2);
    }
    return Math.sqrt(difference / length);
  }
}
