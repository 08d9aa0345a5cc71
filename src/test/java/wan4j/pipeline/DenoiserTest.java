package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cache.StepCache;
import wan4j.cpu.CpuOps;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;

final class DenoiserTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @ParameterizedTest
  @CsvSource({"1, 1, 4, 0", "4, 1, 4, 2", "1, 3, 4, 2", "4, 3, 4, 4"})
  void withoutGuidanceTheNegativePromptIsNotRun(
      double low, double high, int conditional, int unconditional) {
    List<Branch> forwards = new ArrayList<>();
    run(low, high, _ -> new Recorder(forwards), StepListener.NONE);
    assertThat(forwards).filteredOn(Branch.CONDITIONAL::equals).hasSize(conditional);
    assertThat(forwards).filteredOn(Branch.UNCONDITIONAL::equals).hasSize(unconditional);
  }

  private static void run(
      double low, double high, IntFunction<StepCache> cache, StepListener listener) {
    try (Ops ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(DEMO);
        Experts experts =
            new Experts(
                checkpoint.config(),
                checkpoint.experts(),
                0.875,
                false,
                expert ->
                    new WanTransformer(
                        checkpoint.config(),
                        checkpoint.transformer(expert),
                        ops,
                        SequenceGroup.SOLO,
                        PrecisionTable.of(Precision.PLAIN, List.of())))) {
      Shape shape = Shape.of(16, 1, 4, 4);
      Tensor text =
          Tensor.of(new float[3 * checkpoint.config().textDim()], 3, checkpoint.config().textDim());
      new Denoiser(ops, experts)
          .run(
              new SamplingPlan(Sampler.of("euler"), 4, 5, low, high),
              Noise.of(Noise.Kind.of("cpu"), 1).randn(shape),
              new Prompts(text, text),
              TextToVideo.prepare(ops, shape),
              cache,
              listener);
    }
  }

  @ParameterizedTest
  @CsvSource({"NaN, 1", "Infinity, 2", "-Infinity, 3"})
  void aStepThatLeavesWhatIsNoNumberEndsTheRequest(float value, int step) {
    List<Integer> steps = new ArrayList<>();
    assertThatThrownBy(() ->
            run(
                1,
                1,
                _ -> new Spoiler(value, step),
                new StepListener() {
                  @Override
                  public void begins(int begun, Expert expert) {
                    steps.add(begun);
                  }

                  @Override
                  public void ends(Outcome outcome) {}
                }))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("after step %d of 4".formatted(step + 1));
    assertThat(steps).hasSize(step + 1);
  }

  /// Writes one value into the tokens of a step.
  private record Spoiler(float value, int spoiled) implements StepCache {
    @Override
    public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
      blocks.run();
      if (step == spoiled) {
        Tensor one = Tensor.of(new float[] {value}, 1);
        ops.copy(ops.upload(one, DType.F32), tokens.at(0).slice(0, 1));
      }
    }

    @Override
    public int skipped() {
      return 0;
    }
  }

  /// Notes the branches of the forwards.
  private record Recorder(List<Branch> forwards) implements StepCache {
    @Override
    public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
      forwards.add(branch);
      blocks.run();
    }

    @Override
    public int skipped() {
      return 0;
    }
  }
}
