package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.cpu.CpuOps;
import wan4j.engine.Float8Network;
import wan4j.engine.Precisions;
import wan4j.model.LinearGroup;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.ScaleRule;
import wan4j.quant.StoredFloat8;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.file.TensorFile;

class ConversionTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final Path SINGLE = Path.of("src/test/resources/golden/ckpt/ti2v-tiny");

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      value = Quantization.Recipe.class,
      names = {"CURRENT", "DELAYED", "BLOCK", "TOKEN"})
  void theCodesAreThoseOfLoadingAndAreTakenAsTheyAre(Quantization.Recipe recipe) {
    Path out = convert(DEMO, recipe, "blocks.0.ffn");
    try (Checkpoint before = Checkpoint.open(DEMO);
        Checkpoint after = Checkpoint.open(out);
        Ops ops = new CpuOps()) {
      for (Expert expert : before.experts()) {
        Weights plain = before.transformer(expert);
        Weights stored = after.transformer(expert);
        assertThat(stored.names()).containsAll(plain.names());
        List<LinearGroup> layers = layers(after, expert, Quantization.STORED);
        Quantization asked = new Quantization(recipe, List.of("blocks.0.ffn"));
        assertThat(layers).isEqualTo(layers(before, expert, asked));
        for (LinearGroup group : layers) {
          if (group.precision().isFloat8()) {
            assertSameCodes(ops, plain, stored, group);
          } else {
            assertSameBytes(plain, stored, group.layers().getFirst() + ".weight");
          }
        }
        assertSameBytes(plain, stored, "blocks.1.norm3.weight");
      }
    }
  }

  private static void assertSameCodes(Ops ops, Weights plain, Weights stored, LinearGroup group) {
    List<TensorSource> sources = sources(stored, group);
    assertThat(StoredFloat8.of(sources, group.precision().weightGranularity()))
        .as("%s is taken as it is", group)
        .isNotNull();
    try (Parameters parameters = ops.parameters()) {
      Float8Matrix expected =
          parameters.codes(parameters.linear(sources(plain, group), List.of(), group.precision()));
      Float8Matrix actual =
          parameters.codes(parameters.linear(sources, List.of(), group.precision()));
      assertThat(actual.inverseScales().toFloats()).isEqualTo(expected.inverseScales().toFloats());
      assertThat(actual.values().segment().mismatch(expected.values().segment()))
          .as("%s", group)
          .isEqualTo(-1);
    }
  }

  private static void assertSameBytes(Weights plain, Weights stored, String name) {
    assertThat(stored.dtype(name)).isEqualTo(plain.dtype(name));
    assertThat(stored.tensor(name).load().segment().mismatch(plain.tensor(name).load().segment()))
        .as(name)
        .isEqualTo(-1);
  }

  private static List<TensorSource> sources(Weights weights, LinearGroup group) {
    return group.layers().stream().map(layer -> weights.tensor(layer + ".weight")).toList();
  }

  private static List<LinearGroup> layers(
      Checkpoint checkpoint, Expert expert, Quantization quantization) {
    Weights weights = checkpoint.transformer(expert);
    try (NullOps ops = new NullOps();
        WanTransformer transformer =
            new WanTransformer(
                checkpoint.config(),
                weights,
                ops,
                SequenceGroup.SOLO,
                Precisions.table(quantization, weights))) {
      return transformer.linearLayers();
    }
  }

  @Test
  void namesAndShapesAreThoseOfScaledFp8Files() {
    Path out = convert(DEMO, Quantization.Recipe.TOKEN);
    Path file = out.resolve("high_noise_model").resolve("diffusion_pytorch_model.safetensors");
    try (TensorFile tensors = TensorFile.open(file)) {
      assertThat(tensors.metadata())
          .containsEntry("wan4j.fp8_recipe", "PerTokenScaling")
          .containsEntry("wan4j.version", Version.NUMBER)
          .containsEntry("format", "pt");
      assertThat(tensors.tensors().get("scaled_fp8").dtype()).isEqualTo(DType.F8_E4M3);
      TensorSource weight = tensors.tensors().get("blocks.0.ffn.0.weight");
      assertThat(weight.dtype()).isEqualTo(DType.F8_E4M3);
      assertThat(tensors.tensors().get("blocks.0.ffn.0.scale_weight").shape())
          .isEqualTo(Shape.of(weight.shape().size(0), 1));
    }
    Path current = convert(DEMO, Quantization.Recipe.CURRENT);
    Path other = current.resolve("low_noise_model").resolve("diffusion_pytorch_model.safetensors");
    try (TensorFile tensors = TensorFile.open(other)) {
      float[] query = tensors.tensors().get("blocks.0.self_attn.q.scale_weight").load().toFloats();
      assertThat(tensors.tensors().get("blocks.0.self_attn.q.scale_weight").shape())
          .isEqualTo(Shape.of());
      assertThat(tensors.tensors().get("blocks.0.self_attn.v.scale_weight").load().toFloats())
          .isEqualTo(query);
    }
  }

  @Test
  void theFolderIsCompleteAndNothingElseIsLeft() throws IOException {
    Path out = convert(SINGLE, Quantization.Recipe.BLOCK);
    assertThat(files(folder)).noneMatch(name -> name.contains(".part"));
    assertThat(files(out))
        .contains("Wan2.2_VAE.pth", "config.json", "diffusion_pytorch_model.safetensors")
        .contains("google/umt5-xxl/tokenizer.json", "models_t5_umt5-xxl-enc-bf16.pth")
        .noneMatch(name -> name.contains("-of-") || name.contains("index.json"));
    Inspection inspection = Inspection.of(out);
    assertThat(inspection.float8()).hasSize(1);
    assertThat(inspection.lines())
        .anyMatch(line -> line.contains("run as Float8BlockScaling unless --quantize"));
    // FP8 weights take less memory on a GPU, though a driver gives it in pieces of 2 MiB
    assertThat(inspection.needs().getLast().bytes())
        .isLessThanOrEqualTo(Inspection.of(SINGLE).needs().getLast().bytes());
  }

  @Test
  void aLargeNetworkIsWrittenInShardsWithAnIndex() {
    try (Checkpoint checkpoint = Checkpoint.open(DEMO);
        Ops ops = new CpuOps()) {
      Weights weights = checkpoint.transformer(Expert.LOW_NOISE);
      Quantization token = new Quantization(Quantization.Recipe.TOKEN, List.of());
      new Float8Network(checkpoint.config(), weights, token)
          .write(ops, folder, 500_000, done -> {});
      try (Weights shards = Weights.open(folder)) {
        assertThat(shards.paths()).hasSizeGreaterThan(3);
        assertThat(shards.paths()).allMatch(path -> path.toFile().length() < 600_000);
        assertThat(shards.metadata()).containsKey("wan4j.fp8_recipe");
        assertThat(shards.names()).contains("scaled_fp8", "blocks.0.ffn.0.scale_weight");
        assertThat(shards.names()).containsAll(weights.names());
      }
    }
  }

  @Test
  void filesOfOthersRunAsTheyAre() throws IOException {
    for (Granularity granularity : List.of(Granularity.TENSOR, Granularity.ROW)) {
      Path out = folder.resolve(granularity.name());
      community(out, granularity);
      Inspection inspection = Inspection.of(out);
      assertThat(inspection.float8())
          .allMatch(stored -> stored.recipe() == Quantization.Recipe.TOKEN)
          .hasSize(2);
      try (Checkpoint checkpoint = Checkpoint.open(out)) {
        for (LinearGroup group : layers(checkpoint, Expert.HIGH_NOISE, Quantization.STORED)) {
          if (group.precision().isFloat8()) {
            assertThat(group.precision()).isEqualTo(Precision.FLOAT8_TOKEN);
            List<TensorSource> sources = sources(checkpoint.transformer(Expert.HIGH_NOISE), group);
            assertThat(StoredFloat8.of(sources, Granularity.ROW)).isNotNull();
          }
        }
      }
    }
  }

  /// Writes the demo checkpoint as other programs do: each weight quantised by itself, one scale or
  /// one an output, no word on a recipe.
  private static void community(Path out, Granularity granularity) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(DEMO);
        Stream<Path> walk = Files.walk(DEMO)) {
      for (Path path : walk.filter(Files::isRegularFile).toList()) {
        Path copy = out.resolve(DEMO.relativize(path));
        if (!path.toString().contains("diffusion_pytorch_model")) {
          Files.createDirectories(copy.getParent());
          Files.copy(path, copy);
        }
      }
      for (Expert expert : checkpoint.experts()) {
        Weights weights = checkpoint.transformer(expert);
        Map<String, TensorSource> tensors = new LinkedHashMap<>();
        for (String name : weights.names()) {
          TensorSource source = weights.tensor(name);
          boolean isLinear =
              name.startsWith("blocks") && name.endsWith("weight") && source.shape().rank() == 2;
          tensors.put(name, source);
          if (isLinear) {
            Float8Matrix matrix =
                Float8Quantizer.quantize(source.load(), granularity, ScaleRule.EXACT);
            tensors.put(name, TensorSource.of(name, matrix.values()));
            String scale = name.replace("weight", "scale_weight");
            tensors.put(scale, TensorSource.of(scale, matrix.inverseScales()));
          }
        }
        Path relative = DEMO.relativize(checkpoint.folder(expert));
        SafetensorsWriter.write(
            out.resolve(relative).resolve("model.safetensors"), tensors, Map.of());
      }
    }
  }

  @Test
  void whatCannotBeConvertedIsRefusedAndNothingIsWritten() throws IOException {
    Path once = convert(SINGLE, Quantization.Recipe.CURRENT);
    Path twice = folder.resolve("twice");
    refuse(once, twice, "in FP8 already");
    refuse(SINGLE, once, "not empty");
    refuse(folder, twice, "not a Wan2.2 checkpoint");
    Path copy = folder.resolve("copy");
    Conversion.run(SINGLE, copy, recipe(Quantization.Recipe.TOKEN), Device.CPU, Progress.NONE);
    refuse(copy, copy.resolve("inside"), "in FP8 already");
    Path truncated = folder.resolve("truncated");
    Conversion.run(SINGLE, truncated, recipe(Quantization.Recipe.TOKEN), Device.CPU, Progress.NONE);
    Path file = truncated.resolve("diffusion_pytorch_model.safetensors");
    Files.write(file, java.util.Arrays.copyOf(Files.readAllBytes(file), 500_000));
    assertThatThrownBy(() -> Inspection.of(truncated))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("diffusion_pytorch_model.safetensors");
    assertThat(twice).doesNotExist();
    assertThat(copy.resolve("inside")).doesNotExist();
  }

  @Test
  void aTokenizerThatIsMissingIsFoundBeforeAnythingIsComputed() throws IOException {
    Path bare = folder.resolve("bare");
    try (Stream<Path> files = Files.walk(SINGLE, FileVisitOption.FOLLOW_LINKS)) {
      for (Path file : files.toList()) {
        Path copy = bare.resolve(SINGLE.relativize(file));
        if (Files.isDirectory(file)) {
          Files.createDirectories(copy);
        } else if (!file.startsWith(SINGLE.resolve("google"))) {
          Files.copy(file, copy);
        }
      }
    }
    refuse(bare, folder.resolve("other"), "no tokenizer in " + bare);
  }

  private void refuse(Path source, Path target, String words) {
    assertThatThrownBy(() ->
            Conversion.run(
                source, target, recipe(Quantization.Recipe.TOKEN), Device.CPU, Progress.NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }

  private static Quantization recipe(Quantization.Recipe recipe) {
    return new Quantization(recipe, List.of());
  }

  private Path convert(Path source, Quantization.Recipe recipe, String... skipped) {
    Path out = folder.resolve("out-" + recipe.spelling());
    List<String> stages = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void begins(String stage) {
            stages.add(stage);
          }

          @Override
          public void ends(String stage, java.time.Duration time) {
            stages.remove(stage);
          }

          @Override
          public void stepped(Step step) {}
        };
    Conversion.Result result =
        Conversion.run(
            source, out, new Quantization(recipe, List.of(skipped)), Device.CPU, progress);
    assertThat(stages).isEmpty();
    assertThat(result.bytesAfter()).isLessThan(result.bytesBefore());
    return out;
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.filter(Files::isRegularFile)
          .map(path -> folder.relativize(path).toString())
          .toList();
    }
  }
}
