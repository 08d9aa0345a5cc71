package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cache.StepCache;
import wan4j.cpu.CpuOps;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
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
  private static final Shape SHAPE = Shape.of(16, 1, 4, 4);

  @ParameterizedTest
  @CsvSource({"1, 1, 4, 0", "4, 1, 4, 2", "1, 3, 4, 2", "4, 3, 4, 4"})
  void withoutGuidanceTheNegativePromptIsNotRun(
      double low, double high, int conditional, int unconditional) {
    List<Branch> forwards = new ArrayList<>();
    run(Precision.PLAIN, 0.875, low, high, _ -> new Recorder(forwards), StepListener.NONE);
    assertThat(forwards).filteredOn(Branch.CONDITIONAL::equals).hasSize(conditional);
    assertThat(forwards).filteredOn(Branch.UNCONDITIONAL::equals).hasSize(unconditional);
  }

  private static Tensor text(Checkpoint checkpoint) {
    int dim = checkpoint.config().textDim();
    return Tensor.of(new float[3 * dim], 3, dim);
  }

  private static WanTransformer transformer(
      Checkpoint checkpoint, Expert expert, Ops ops, Precision recipe) {
    return new WanTransformer(
        checkpoint.config(),
        checkpoint.transformer(expert),
        ops,
        SequenceGroup.SOLO,
        PrecisionTable.of(recipe, List.of()));
  }

  private static void run(
      Precision recipe,
      double boundary,
      double low,
      double high,
      Function<Shape, StepCache> cache,
      StepListener listener) {
    try (Ops ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(DEMO);
        Experts experts =
            new Experts(
                checkpoint.config(),
                checkpoint.experts(),
                boundary,
                false,
                expert -> transformer(checkpoint, expert, ops, recipe))) {
      Tensor text = text(checkpoint);
      new Denoiser(ops, experts)
          .run(
              new SamplingPlan(Sampler.of("euler"), 4, 5, low, high),
              Noise.of(Noise.Kind.CPU, 1).randn(SHAPE),
              Conditioning.of(new Prompts(text, text), List.of(), null),
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
                Precision.PLAIN,
                0.875,
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

  /// A cache of these tests, with nothing to save.
  private interface StatelessCache extends StepCache {
    @Override
    default void save(Ops ops, SavedState state) {}

    @Override
    default void restore(Ops ops, SavedState state) {}
  }

  /// Writes one value into the tokens of a step.
  private record Spoiler(float value, int spoiled) implements StatelessCache {
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

  @Test
  void aForwardThatACacheSkipsDoesNotMoveTheHistoryOfDelayedScaling() {
    Script skipping = new Script(1);
    run(Precision.FLOAT8_DELAYED, 0, 1, 1, _ -> skipping, StepListener.NONE);
    assertThat(skipping.after).hasSize(3);
    Script computing = new Script(-1);
    run(Precision.FLOAT8_DELAYED, 0, 1, 1, _ -> computing, StepListener.NONE);
    assertThat(computing.after).hasSize(4);
    assertThat(skipping.after.get(0)).isEqualTo(computing.after.get(0));
    // the large tokens of step 1 change the scales of step 2, unless they are skipped
    assertThat(skipping.after.get(1)).isNotEqualTo(computing.after.get(2));
    assertThat(skipping.after.get(1)).isEqualTo(directly());
  }

  /// Takes the tokens of steps 0 and 2 through the blocks, and nothing between them.
  private static float[] directly() {
    try (Ops ops = new CpuOps();
        Checkpoint checkpoint = Checkpoint.open(DEMO);
        WanTransformer transformer =
            transformer(checkpoint, Expert.HIGH_NOISE, ops, Precision.FLOAT8_DELAYED)) {
      Conditions scene = new Conditions.Scene(text(checkpoint), List.of(), 0);
      DiffusionNetwork.Prepared prepared = transformer.prepare(SHAPE, scene);
      transformer.read(scene, Branch.CONDITIONAL, prepared);
      Script script = new Script(-1);
      for (int step : new int[] {0, 2}) {
        int timestep = Sampler.of("euler").schedule(4, 5).timestep(step);
        Tensor noise = ops.upload(Noise.of(Noise.Kind.CPU, 1).randn(SHAPE), DType.F32);
        transformer.forward(
            noise,
            timestep,
            new ForwardPass(Branch.CONDITIONAL, step, 4),
            prepared,
            (tokens, blocks) -> script.forward(ops, step, Branch.CONDITIONAL, tokens, blocks));
      }
      return script.after.getLast();
    }
  }

  /// Gives every step its own tokens, those of step 1 being larger, skips one step, and notes what
  /// the blocks make of the others.
  private static final class Script implements StatelessCache {
    private final int skippedStep;
    private final List<float[]> after = new ArrayList<>();

    Script(int skippedStep) {
      this.skippedStep = skippedStep;
    }

    private static void fill(Ops ops, Tensor tokens, int step) {
      float[] values = new float[Math.toIntExact(tokens.count())];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (Math.sin(0.37 * i * (step + 1)) * (step == 1 ? 30 : 1));
      }
      ops.copy(ops.upload(Tensor.of(values, tokens.shape().toArray()), DType.F32), tokens);
    }

    @Override
    public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
      fill(ops, tokens, step);
      if (step != skippedStep) {
        blocks.run();
        after.add(ops.download(tokens).toFloats());
      }
    }

    @Override
    public int skipped() {
      return 0;
    }
  }

  /// Notes the branches of the forwards.
  private record Recorder(List<Branch> forwards) implements StatelessCache {
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
