package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.EngineOptions.LoraMode;
import wan4j.tensor.InputException;
import wan4j.verify.Comparison;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.lora.RandomLora;

/// Requests with LoRA files merged into the weights and beside them, on the demo's model.
final class LoraRequestTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @TempDir static Path folder;

  private static LoraFile both;
  private static LoraFile high;
  private static LoraFile low;

  @BeforeAll
  static void writeFiles() {
    try (Checkpoint checkpoint = Checkpoint.open(DEMO)) {
      var network = checkpoint.transformer(Expert.HIGH_NOISE);
      Path first = RandomLora.write(folder.resolve("first.safetensors"), network, 4, 1);
      Path second = RandomLora.write(folder.resolve("second.safetensors"), network, 7, 2);
      both = new LoraFile(first, 0.7f, LoraFile.Target.ALL);
      high = new LoraFile(second, 0.5f, LoraFile.Target.HIGH_NOISE);
      low = new LoraFile(second, -0.5f, LoraFile.Target.LOW_NOISE);
    }
  }

  @Test
  void filesBesideTheWeightsDoWhatMergedFilesDo() {
    List<LoraFile> files = List.of(both, high, low);
    float[] merged = latents(files, LoraMode.MERGE, Quantization.Recipe.NONE);
    float[] beside = latents(files, LoraMode.SIDE, Quantization.Recipe.NONE);
    float[] plain = latents(List.of(), LoraMode.SIDE, Quantization.Recipe.NONE);
    assertThat(Comparison.relativeError(plain, merged)).isGreaterThan(0.05);
    assertThat(Comparison.relativeError(beside, merged)).isLessThan(1e-4);
  }

  @ParameterizedTest
  @EnumSource(
      value = Quantization.Recipe.class,
      names = {"CURRENT", "DELAYED", "BLOCK", "TOKEN"})
  void inFloat8TheSideBranchIsAsNearToTheTruthAsMerging(Quantization.Recipe recipe) {
    List<LoraFile> files = List.of(both, high, low);
    float[] truth = latents(files, LoraMode.MERGE, Quantization.Recipe.NONE);
    double merged = Comparison.relativeError(latents(files, LoraMode.MERGE, recipe), truth);
    double beside = Comparison.relativeError(latents(files, LoraMode.SIDE, recipe), truth);
    assertThat(beside).isBetween(1e-3, merged * 1.5);
  }

  @Test
  void aRequestBringsItsOwnFilesAndTheNextIsWithoutThemAgain() {
    try (VideoEngine engine = engine(List.of(both), LoraMode.SIDE, Quantization.Recipe.CURRENT)) {
      float[] first = sample(engine, request());
      float[] other = sample(engine, request().withLoras(List.of(high, low)));
      assertThat(other).isNotEqualTo(first);
      assertThat(sample(engine, request())).isEqualTo(first);
      assertThat(other)
          .isEqualTo(latents(List.of(both, high, low), LoraMode.SIDE, Quantization.Recipe.CURRENT));
    }
  }

  @Test
  void filesRunBesideWeightsThatAreStoredInFloat8AndAreMergedIntoThemOnlyWhenWidened() {
    Path stored = folder.resolve("fp8");
    Quantization current = new Quantization(Quantization.Recipe.CURRENT, List.of());
    Conversion.run(DEMO, stored, current, Device.CPU, Progress.NONE);
    List<LoraFile> files = List.of(both, high, low);
    try (VideoEngine engine = engine(stored, files, LoraMode.SIDE, Quantization.Recipe.STORED)) {
      assertThat(sample(engine, request()))
          .isEqualTo(latents(files, LoraMode.SIDE, Quantization.Recipe.CURRENT));
    }
    try (VideoEngine engine = engine(stored, files, LoraMode.AUTO, Quantization.Recipe.STORED)) {
      assertThat(sample(engine, request()))
          .isEqualTo(latents(files, LoraMode.SIDE, Quantization.Recipe.CURRENT));
    }
    assertThat(latents(files, LoraMode.AUTO, Quantization.Recipe.NONE))
        .isEqualTo(latents(files, LoraMode.MERGE, Quantization.Recipe.NONE));
    try (VideoEngine engine = engine(stored, files, LoraMode.MERGE, Quantization.Recipe.STORED)) {
      assertThatThrownBy(() -> sample(engine, request()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--lora_mode side");
    }
    try (VideoEngine widened = engine(stored, files, LoraMode.MERGE, Quantization.Recipe.NONE);
        VideoEngine beside = engine(stored, files, LoraMode.SIDE, Quantization.Recipe.NONE)) {
      float[] merged = sample(widened, request());
      assertThat(Comparison.relativeError(sample(beside, request()), merged)).isLessThan(1e-4);
    }
  }

  @Test
  void aFileThatDoesNotBelongLeavesTheEngineAsItWas() {
    Path file = Path.of("src/test/resources/golden/lora/native-updown-noalpha/lora.safetensors");
    try (VideoEngine engine = engine(List.of(), LoraMode.MERGE, Quantization.Recipe.NONE)) {
      float[] before = sample(engine, request());
      LoraFile foreign = new LoraFile(file, 1, LoraFile.Target.ALL);
      VideoRequest wrong = request().withLoras(List.of(both, foreign));
      assertThatThrownBy(() -> sample(engine, wrong))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("choose another");
      assertThat(sample(engine, request())).isEqualTo(before);
    }
  }

  private static float[] latents(List<LoraFile> files, LoraMode mode, Quantization.Recipe recipe) {
    try (VideoEngine engine = engine(files, mode, recipe)) {
      return sample(engine, request());
    }
  }

  private static VideoEngine engine(
      List<LoraFile> files, LoraMode mode, Quantization.Recipe recipe) {
    return engine(DEMO, files, mode, recipe);
  }

  private static VideoEngine engine(
      Path checkpoint, List<LoraFile> files, LoraMode mode, Quantization.Recipe recipe) {
    return VideoEngine.open(
        new EngineOptions(
            checkpoint,
            Device.CPU,
            Arithmetic.BFLOAT16,
            new Quantization(recipe, List.of()),
            files,
            mode,
            Offload.NEVER,
            false));
  }

  /// A request as for a distilled model: four steps without guidance.
  private static VideoRequest request() {
    return VideoRequest.of(
        "a red ball moves left",
        new VideoSize(64, 32, 5),
        new Sampling(Sampling.Solver.EULER, 4, 5, 1, 1, 7, Sampling.Generator.CUDA));
  }

  private static float[] sample(VideoEngine engine, VideoRequest request) {
    return engine.sample(request, Progress.NONE).values().toFloats();
  }
}
