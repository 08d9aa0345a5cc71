package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.bench.random.RandomWeights;
import wan4j.schedule.noise.CpuNoise;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.verify.Verifier.Result;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;
import wan4j.weights.lora.RandomLora;

/// Cases of forms that the repository's do not have: verify runs whatever their authors left out or
/// added.
final class OwnCasesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden").toAbsolutePath();

  @TempDir Path folder;

  @Test
  void aLoraOfImageToVideoIsRunWithItsConditioning() throws IOException {
    Path checkpoint = Files.createDirectories(folder.resolve("ckpt/i2v"));
    TransformerConfig config =
        new TransformerConfig("i2v", 36, 16, 96, 256, 64, 64, 32, 3, 2, 1, 2, 2, 1e-6);
    Weights random = RandomWeights.transformer(config, 1);
    SafetensorsWriter.write(
        checkpoint.resolve("diffusion_pytorch_model.safetensors"), all(random), Map.of());
    Files.writeString(
        checkpoint.resolve("config.json"),
        """
        {"model_type": "i2v", "dim": 96, "eps": 1e-06, "ffn_dim": 256, "freq_dim": 64, "in_dim": 36,
         "num_heads": 3, "num_layers": 2, "out_dim": 16, "text_len": 32}\
        """);
    Path own = Files.createDirectories(folder.resolve("lora/image"));
    RandomLora.write(own.resolve("lora.safetensors"), random, 4, 5);
    Files.writeString(
        own.resolve("case.json"),
        """
        {"kind": "lora", "checkpoint": "ckpt/i2v", "lora_file": "lora.safetensors", "strength": 1.0}\
        """);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("in.x", normal(1, 16, 2, 4, 6));
    tensors.put("in.y", normal(2, 20, 2, 4, 6));
    tensors.put("in.context", normal(3, 9, 64));
    tensors.put("in.t", Tensor.of(new float[] {500}, 1));
    try (Backend backend = Backend.open(Device.CPU, Arithmetic.FLOAT32);
        Weights base = Weights.open(checkpoint, Naming.TRANSFORMER);
        Lora lora = Lora.read(own.resolve("lora.safetensors"))) {
      tensors.put("out.base", velocity(backend, base, config, tensors));
      Weights merged = AdaptedWeights.merged(base, List.of(new LoraApplication(lora, 1)));
      tensors.put("out.merged", velocity(backend, merged, config, tensors));
      write(own, tensors);
      assertThat(run(backend).comparisons())
          .filteredOn(comparison -> comparison.name().startsWith("out."))
          .hasSize(3)
          .allMatch(Comparison::passes);
      tensors.put("in.y", normal(4, 20, 2, 4, 6));
      write(own, tensors);
      assertThat(run(backend).comparisons())
          .filteredOn(comparison -> comparison.name().startsWith("out."))
          .hasSize(3)
          .noneMatch(Comparison::passes);
    }
  }

  private static Tensor velocity(
      Backend backend, Weights weights, TransformerConfig config, Map<String, Tensor> tensors) {
    try (var transformer = DitCases.transformer(config, weights, backend.ops())) {
      return DitCases.forward(
          backend.ops(),
          transformer,
          List.of(tensors.get("in.x"), tensors.get("in.y")),
          tensors.get("in.context"),
          DitCases.doubles(tensors.get("in.t")));
    }
  }

  @Test
  void aCaseOfMagCacheNeedsNoFrames() throws IOException {
    Files.createDirectory(folder.resolve("ckpt"));
    Files.createSymbolicLink(folder.resolve("ckpt/ti2v-tiny"), GOLDEN.resolve("ckpt/ti2v-tiny"));
    Path source = GOLDEN.resolve("magcache/ti2v-text-14steps");
    Path own = Files.createDirectories(folder.resolve("magcache/latents-alone"));
    Files.copy(source.resolve("case.json"), own.resolve("case.json"));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Weights all = Weights.open(source.resolve("case.safetensors"))) {
      for (String name : all.names()) {
        if (!name.equals("out.frames_u8")) {
          tensors.put(name, all.tensor(name).load());
        }
      }
    }
    write(own, tensors);
    try (Backend backend = Backend.open(Device.CPU, Arithmetic.FLOAT32)) {
      Result.Compared result = run(backend);
      assertThat(result.passes()).as("%s", result).isTrue();
      assertThat(result.comparisons())
          .extracting(Comparison::name)
          .contains("out.skip", "out.latents.13", "out.frames_u8");
    }
    Files.delete(folder.resolve("ckpt/ti2v-tiny"));
  }

  private Result.Compared run(Backend backend) {
    AtomicReference<Result> only = new AtomicReference<>();
    Verifier.run(List.of(folder), Set.of(), backend, only::set);
    assertThat(only.get()).isInstanceOf(Result.Compared.class);
    return (Result.Compared) only.get();
  }

  private static void write(Path own, Map<String, Tensor> tensors) {
    Map<String, TensorSource> sources =
        tensors.entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey, entry -> TensorSource.of(entry.getKey(), entry.getValue())));
    SafetensorsWriter.write(own.resolve("case.safetensors"), sources, Map.of());
  }

  private static Map<String, TensorSource> all(Weights weights) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    weights
        .names()
        .forEach(name -> tensors.put(name, TensorSource.of(name, weights.tensor(name).load())));
    return tensors;
  }

  private static Tensor normal(long seed, long... sizes) {
    return new CpuNoise(seed).randn(Shape.of(sizes));
  }
}
