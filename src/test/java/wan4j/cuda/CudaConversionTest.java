package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.Conversion;
import wan4j.Device;
import wan4j.Progress;
import wan4j.Quantization;
import wan4j.cuda.bind.Cuda;

/// A checkpoint that a GPU converts has the bytes of one that the processors convert.
class CudaConversionTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @TempDir Path folder;

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @ParameterizedTest
  @EnumSource(
      value = Quantization.Recipe.class,
      names = {"CURRENT", "DELAYED", "BLOCK", "TOKEN"})
  void theFilesAreThoseOfTheProcessors(Quantization.Recipe recipe) throws IOException {
    Quantization quantization = new Quantization(recipe, List.of());
    for (Device device : Device.values()) {
      Conversion.run(DEMO, folder.resolve(device.name()), quantization, device, Progress.NONE);
    }
    for (String expert : List.of("high_noise_model", "low_noise_model")) {
      Path file = Path.of(expert, "diffusion_pytorch_model.safetensors");
      assertThat(
              Files.mismatch(
                  folder.resolve(Device.CPU.name()).resolve(file),
                  folder.resolve(Device.CUDA.name()).resolve(file)))
          .as(expert)
          .isEqualTo(-1);
    }
  }
}
