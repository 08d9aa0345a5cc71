package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;
import wan4j.cache.StepCache;
import wan4j.cpu.CpuOps;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.verify.Comparison;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

final class SpeechTransformerTest {
  private static final SpeechConfig SPEECH =
      new SpeechConfig(3, 16, 4, Map.of(0, 0, 2, 1), true, SpeechConfig.Packing.WHOLE);
  private static final TransformerConfig CONFIG =
      new TransformerConfig("s2v", 16, 16, 64, 96, 32, 24, 7, 2, 3, 1, 2, 2, 1e-6, SPEECH);
  private static final Weights WEIGHTS = RandomWeights.transformer(CONFIG, 1);
  private static final Shape SAMPLE = Shape.of(16, 3, 16, 16);
  private static final int STEPS = 8;

  @TempDir Path folder;

  /// A network on a processor and the random conditions of a later clip.
  private static final class Clip implements AutoCloseable {
    private final Ops ops = new CpuOps();
    private final DiffusionNetwork network;
    private final Conditions.Speech conditions;
    private final Tensor sample;

    Clip(Weights weights, Precision precision) {
      network =
          DiffusionNetwork.load(
              CONFIG, weights, ops, SequenceGroup.SOLO, PrecisionTable.of(precision, List.of()));
      conditions = (Conditions.Speech) RandomConditions.of(ops, CONFIG, SAMPLE, true);
      sample = random("sample", SAMPLE);
    }

    Tensor random(String name, Shape shape) {
      return ops.upload(new RandomSource(name, shape, name.hashCode(), 0, 1).load(), DType.F32);
    }

    /// Returns prepared conditions, read for both branches.
    DiffusionNetwork.Prepared read(Conditions given) {
      DiffusionNetwork.Prepared prepared = network.prepare(SAMPLE, given);
      for (Branch branch : Branch.values()) {
        network.read(given, branch, prepared);
      }
      return prepared;
    }

    float[] forward(Conditions given) {
      try (var _ = ops.scope()) {
        return forward(read(given), BlockRun.ALWAYS, Branch.CONDITIONAL, 0);
      }
    }

    float[] forward(DiffusionNetwork.Prepared prepared, BlockRun through, Branch branch, int step) {
      try (var _ = ops.scope()) {
        double timestep = 1000 - 1000.0 / STEPS * step;
        ForwardPass pass = new ForwardPass(branch, step, STEPS);
        return ops.download(network.forward(sample, timestep, pass, prepared, through)).toFloats();
      }
    }

    /// Runs all steps through a cache.
    void run(DiffusionNetwork.Prepared prepared, StepCache cache) {
      for (int step = 0; step < STEPS; step++) {
        int number = step;
        for (Branch branch : Branch.values()) {
          BlockRun through = (tokens, blocks) -> cache.forward(ops, number, branch, tokens, blocks);
          forward(prepared, through, branch, step);
        }
      }
    }

    @Override
    public void close() {
      network.close();
      ops.close();
    }
  }

  @Test
  void everyConditionCounts() {
    try (Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      Conditions.Speech own = clip.conditions;
      Tensor text = own.text();
      Tensor sound = own.sound();
      Tensor picture = own.reference();
      Tensor motion = own.motion();
      Tensor pose = own.pose();
      Tensor words = Tensor.zeros(DType.F32, text.shape());
      Tensor silence = Tensor.zeros(DType.F32, sound.shape());
      Tensor other = clip.random("picture", picture.shape());
      Tensor past = clip.random("past", motion.shape());
      Tensor dance = clip.random("dance", pose.shape());
      List<Conditions> all =
          List.of(
              own,
              new Conditions.Speech(words, sound, picture, motion, true, pose),
              new Conditions.Speech(text, silence, picture, motion, true, pose),
              new Conditions.Speech(text, sound, other, motion, true, pose),
              new Conditions.Speech(text, sound, picture, past, true, pose),
              new Conditions.Speech(text, sound, picture, motion, false, pose),
              new Conditions.Speech(text, sound, picture, motion, true, dance),
              new Conditions.Speech(text, sound, picture, motion, true, null));
      List<float[]> made = new ArrayList<>();
      for (Conditions conditions : all) {
        float[] velocity = clip.forward(conditions);
        assertThat(made).allMatch(before -> Comparison.relativeError(velocity, before) > 1e-3);
        made.add(velocity);
      }
      assertThat(clip.forward(own)).isEqualTo(made.getFirst());
    }
  }

  @Test
  void withoutAPoseThereIsStillTheBiasOfOne() {
    try (Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      Conditions.Speech own = clip.conditions;
      Tensor zeros = clip.ops.upload(Tensor.zeros(DType.F32, SAMPLE), DType.F32);
      Conditions none =
          new Conditions.Speech(own.text(), own.sound(), own.reference(), own.motion(), true, null);
      Conditions still =
          new Conditions.Speech(
              own.text(), own.sound(), own.reference(), own.motion(), true, zeros);
      assertThat(clip.forward(none)).isEqualTo(clip.forward(still));
    }
  }

  @Test
  void soundMayBeMixedWhileItIsHeard() {
    try (Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      int size = SPEECH.soundDim();
      int frames = clip.conditions.sound().length(2);
      int layers = SPEECH.soundLayers();
      Tensor states = new RandomSource("states", Shape.of(layers, size, frames), 9, 0, 1).load();
      double[] factors = CausalAudioEncoder.mix(WEIGHTS);
      assertThat(factors).hasSize(layers);
      float[] values = states.toFloats();
      float[] mixed = new float[size * frames];
      for (int i = 0; i < values.length; i++) {
        mixed[i % mixed.length] += (float) (factors[i / mixed.length] * values[i]);
      }
      float[] whole = clip.forward(withSound(clip.conditions, states));
      float[] before = clip.forward(withSound(clip.conditions, Tensor.of(mixed, 1, size, frames)));
      assertThat(Comparison.relativeError(before, whole)).isLessThan(1e-5);
      Tensor few = Tensor.zeros(DType.F32, Shape.of(1, size, 8));
      assertThatThrownBy(() -> clip.forward(withSound(clip.conditions, few)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("for 3 latent frames");
    }
  }

  private static Conditions withSound(Conditions.Speech own, Tensor sound) {
    return new Conditions.Speech(
        own.text(), sound, own.reference(), own.motion(), own.seesMotion(), own.pose());
  }

  @Test
  void branchesWithOtherPicturesAreRefused() {
    try (Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      Conditions.Speech own = clip.conditions;
      DiffusionNetwork.Prepared prepared = clip.read(own);
      Conditions other =
          new Conditions.Speech(own.text(), own.sound(), own.reference(), own.motion(), true, null);
      assertThatThrownBy(() -> clip.network.read(other, Branch.UNCONDITIONAL, prepared))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("text and sound");
      Conditions scene = new Conditions.Scene(own.text(), List.of(), 0);
      assertThatThrownBy(() -> clip.network.read(scene, Branch.CONDITIONAL, prepared))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /// Every sampling step of this network is a forward of its own; figures of the published network
  /// are for a calibration of it to find.
  @Test
  void magCacheSkipsByWhatACalibrationMeasured() {
    Path file = folder.resolve("ratios.json");
    try (Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      DiffusionNetwork.Prepared prepared = clip.read(clip.conditions);
      long tokens = prepared.tokens().size(0);
      long dim = prepared.tokens().size(1);
      MagCacheCalibration calibration = new MagCacheCalibration(clip.ops, tokens, dim);
      clip.run(prepared, calibration);
      assertThat(calibration.skipped()).isZero();
      calibration.write(file, "s2v");
      MagnitudeRatios ratios = MagnitudeRatios.read(file);
      for (double threshold : new double[] {0, 1}) {
        MagCacheSchedule schedule =
            new MagCacheSchedule(
                new MagCacheSettings(threshold, 0.25, 2),
                RetentionRule.WHOLE_RUN,
                ratios,
                STEPS,
                0);
        MagCache cache = new MagCache(clip.ops, schedule, tokens, dim);
        clip.run(prepared, cache);
        // of the six steps after the kept ones, two of three, in both branches
        assertThat(cache.skipped()).isEqualTo(threshold == 0 ? 0 : 8);
      }
    }
  }

  @Test
  void aLoraRunsBesideTheLayersOfInjectors() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (String layer :
        List.of("audio_injector.injector.1.q", "audio_injector.injector.0.o", "blocks.1.ffn.0")) {
      Shape shape = WEIGHTS.shape(layer + ".weight");
      add(tensors, "diffusion_model." + layer + ".lora_A.weight", Shape.of(4, shape.size(1)));
      add(tensors, "diffusion_model." + layer + ".lora_B.weight", Shape.of(shape.size(0), 4));
    }
    Path file = folder.resolve("lora.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    try (Lora lora = Lora.read(file);
        Clip clip = new Clip(WEIGHTS, Precision.PLAIN)) {
      List<LoraApplication> loras = List.of(new LoraApplication(lora, 1));
      float[] without = clip.forward(clip.conditions);
      clip.network.adapt(loras);
      float[] beside = clip.forward(clip.conditions);
      try (Clip merged = new Clip(AdaptedWeights.merged(WEIGHTS, loras), Precision.PLAIN)) {
        float[] expected = merged.forward(merged.conditions);
        assertThat(Comparison.relativeError(beside, expected)).isLessThan(1e-4);
        assertThat(Comparison.relativeError(beside, without)).isGreaterThan(1e-2);
      }
    }
  }

  private static void add(Map<String, TensorSource> tensors, String name, Shape shape) {
    tensors.put(name, new RandomSource(name, shape, name.hashCode(), 0, 0.2f));
  }

  @Test
  void delayedScalesOfInjectorsAreSavedToo() {
    try (Clip clip = new Clip(WEIGHTS, Precision.FLOAT8_DELAYED)) {
      DiffusionNetwork.Prepared prepared = clip.read(clip.conditions);
      BlockRun larger =
          (tokens, blocks) -> {
            clip.ops.linearCombination(tokens, new double[] {3}, List.of(tokens));
            blocks.run();
          };
      clip.forward(prepared, BlockRun.ALWAYS, Branch.CONDITIONAL, 0);
      SavedState state = new SavedState();
      clip.network.save(clip.ops, state);
      float[] next = clip.forward(prepared, BlockRun.ALWAYS, Branch.CONDITIONAL, 1);
      clip.forward(prepared, larger, Branch.CONDITIONAL, 2);
      clip.network.restore(clip.ops, state);
      assertThat(clip.forward(prepared, BlockRun.ALWAYS, Branch.CONDITIONAL, 1)).isEqualTo(next);
      List<String> inFloat8 =
          clip.network.linearLayers().stream()
              .filter(layer -> layer.precision().isFloat8())
              .flatMap(layer -> layer.layers().stream())
              .filter(name -> !name.startsWith("blocks."))
              .toList();
      assertThat(inFloat8)
          .containsExactly(
              "audio_injector.injector.0.q",
              "audio_injector.injector.0.o",
              "audio_injector.injector.1.q",
              "audio_injector.injector.1.o");
    }
  }
}
