package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

final class DenoiserTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @ParameterizedTest
  @CsvSource({"1, 1, 4, 0", "4, 1, 4, 2", "1, 3, 4, 2", "4, 3, 4, 4"})
  void withoutGuidanceTheNegativePromptIsNotRun(
      double low, double high, int conditional, int unconditional) {
    List<Branch> forwards = new ArrayList<>();
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
              _ -> new Recorder(forwards),
              StepListener.NONE);
    }
    assertThat(forwards).filteredOn(Branch.CONDITIONAL::equals).hasSize(conditional);
    assertThat(forwards).filteredOn(Branch.UNCONDITIONAL::equals).hasSize(unconditional);
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
