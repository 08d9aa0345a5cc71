package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;
import wan4j.cache.StepCache;
import wan4j.engine.StateFile;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;

/// What every backend must do: a run that goes on from the state of any of its steps, read from a
/// file into networks that are loaded anew, makes the latents of the run that was never broken off.
abstract class ResumeContract {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final Shape SHAPE = Shape.of(16, 2, 4, 4);
  private static final int STEPS = 6;

  @TempDir Path folder;

  abstract Ops open();

  @ParameterizedTest
  @CsvSource({
    "UNIPC, PLAIN, none",
    "DPM_PLUS_PLUS, PLAIN, none",
    "EULER, PLAIN, none",
    "UNIPC, FLOAT8_DELAYED, none",
    "UNIPC, PLAIN, magcache",
    "UNIPC, FLOAT8_DELAYED, magcache",
    "DPM_PLUS_PLUS, PLAIN, calibration"
  })
  void aRunGoesOnFromTheStateOfEachStepToTheSameLatents(
      Sampler sampler, Precision precision, String cache) {
    List<SavedState> states = new ArrayList<>();
    List<Integer> skipped = new ArrayList<>();
    Tensor whole = run(sampler, precision, cache, null, recorder(states, skipped));
    assertThat(states).hasSize(STEPS);
    int all = skipped.stream().mapToInt(Integer::intValue).sum();
    assertThat(all > 0).as("skips").isEqualTo(cache.equals("magcache"));
    for (int step = 0; step < STEPS - 1; step++) {
      Path file = folder.resolve("%s-%s-%s-%d".formatted(sampler, precision, cache, step));
      StateFile.write(file, states.get(step), Map.of("prompt", "none"));
      StateFile.Content content = StateFile.read(file);
      assertThat(content.description()).isEqualTo(Map.of("prompt", "none"));
      List<SavedState> later = new ArrayList<>();
      List<Integer> laterSkipped = new ArrayList<>();
      Tensor latents =
          run(sampler, precision, cache, content.state(), recorder(later, laterSkipped));
      assertThat(latents.toFloats()).as("from step %d", step).isEqualTo(whole.toFloats());
      assertThat(laterSkipped).isEqualTo(skipped.subList(step + 1, STEPS));
      assertThat(bytes(later.getLast())).isEqualTo(bytes(states.getLast()));
    }
  }

  @Test
  void aStateOfAnotherRunIsRefusedInOneSentence() {
    List<SavedState> states = new ArrayList<>();
    run(Sampler.EULER, Precision.PLAIN, "none", null, recorder(states, new ArrayList<>()));
    assertThatThrownBy(
            () -> run(Sampler.UNIPC, Precision.PLAIN, "none", states.get(2), StepListener.NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the saved state has no solver.next");
  }

  private static Map<String, String> bytes(SavedState state) {
    Map<String, String> bytes = new TreeMap<>();
    state
        .tensors()
        .forEach((name, tensor) -> {
          CRC32 sum = new CRC32();
          sum.update(tensor.segment().toArray(ValueLayout.JAVA_BYTE));
          bytes.put(name, "%s %s %08x".formatted(tensor.dtype(), tensor.shape(), sum.getValue()));
        });
    return bytes;
  }

  private static StepListener recorder(List<SavedState> states, List<Integer> skipped) {
    return new StepListener() {
      @Override
      public void begins(int step, Expert expert) {}

      @Override
      public void ends(Outcome outcome) {
        states.add(outcome.state().get().arrive());
        skipped.add(outcome.skipped());
      }
    };
  }

  /// Runs with networks loaded anew, from a state or, where it is null, from the beginning.
  private Tensor run(
      Sampler sampler, Precision precision, String cache, SavedState from, StepListener listener) {
    try (Ops ops = open();
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
                        PrecisionTable.of(precision, List.of())))) {
      int dim = checkpoint.config().textDim();
      Prompts prompts = new Prompts(states(3, dim), states(2, dim));
      Conditioning conditioning = Conditioning.of(prompts, List.of(), null);
      SamplingPlan plan = new SamplingPlan(sampler, STEPS, 5, 4, 3);
      Denoiser denoiser = new Denoiser(ops, experts);
      Function<Shape, StepCache> caches = tokens -> cache(cache, ops, tokens);
      return from == null
          ? denoiser.run(
              plan, Noise.of(Noise.Kind.CPU, 1).randn(SHAPE), conditioning, caches, listener)
          : denoiser.resume(plan, from, conditioning, caches, listener);
    }
  }

  private static StepCache cache(String name, Ops ops, Shape tokens) {
    return switch (name) {
      case "none" -> StepCache.NONE;
      case "calibration" -> new MagCacheCalibration(ops, tokens.size(0), tokens.size(1));
      default ->
          new MagCache(
              ops,
              new MagCacheSchedule(
                  new MagCacheSettings(0.5, 0.2, 2),
                  RetentionRule.WHOLE_RUN,
                  MagnitudeRatios.published("t2v"),
                  STEPS,
                  0),
              tokens.size(0),
              tokens.size(1));
    };
  }

  private static Tensor states(int words, int dim) {
    return Noise.of(Noise.Kind.CPU, words).randn(Shape.of(words, dim));
  }
}
