package wan4j.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.onnx.OnnxRuntime.Processor;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

class OnnxRuntimeTest {
  @TempDir Path folder;

  @Test
  void aNetworkIsRunWithTheNamesAndSizesOfItsFile() throws IOException {
    Path file =
        new OnnxFile()
            .input("x", 2, -1)
            .input("y", 3, 2)
            .output("product", 2, 2)
            .output("larger", 2, 2)
            .node("MatMul", "x,y", "product")
            .node("Relu", "product", "larger")
            .write(folder.resolve("product.onnx"));
    OnnxRuntime runtime = OnnxRuntime.load(null, Processor.CPU);
    try (OnnxNetwork network = runtime.open(file)) {
      assertThat(network.inputs().keySet()).containsExactly("x", "y");
      assertThat(network.inputs().get("x")).containsExactly(2, -1);
      assertThat(network.outputs().get("larger")).containsExactly(2, 2);
      Map<String, Tensor> results =
          network.run(
              Map.of(
                  "x", Tensor.of(new float[] {1, 2, 3, -4, -5, -6}, 2, 3),
                  "y", Tensor.of(new float[] {1, 0, 0, 1, 2, 3}, 3, 2)));
      assertThat(results.get("product").toFloats()).containsExactly(7, 11, -16, -23);
      assertThat(results.get("larger").toFloats()).containsExactly(7, 11, 0, 0);
      assertThatThrownBy(() -> network.run(Map.of("x", Tensor.of(new float[6], 2, 3))))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(file.toString());
    }
  }

  @Test
  void aFileThatIsNoNetworkIsRefusedByItsName() throws IOException {
    Path file = Files.writeString(folder.resolve("text.onnx"), "no network");
    OnnxRuntime runtime = OnnxRuntime.load(null, Processor.CPU);
    assertThatThrownBy(() -> runtime.open(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("text.onnx cannot be run by ONNX Runtime");
    assertThatThrownBy(() -> runtime.open(folder.resolve("none.onnx")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void aGpuIsRefusedWhereTheJarHasNone() {
    assertThatThrownBy(() -> OnnxRuntime.load(null, Processor.GPU))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot use a GPU: what was found is built for processors alone")
        .hasMessageContaining("onnxruntime_gpu");
    OnnxRuntime best = OnnxRuntime.load(null, Processor.BEST);
    assertThat(best.usesGpu()).isFalse();
    assertThat(best.description()).contains("runs on processors (what was found is built for");
  }

  @Test
  void aJarThatIsNoneOfOnnxRuntimeIsRefused() throws IOException {
    Path jar = folder.resolve("other.jar");
    try (var out = new java.util.jar.JarOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new java.util.zip.ZipEntry("a/b.txt"));
    }
    assertThatThrownBy(() -> OnnxRuntime.load(jar, Processor.CPU))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not a jar of ONNX Runtime");
  }

  @Test
  void theJarIsTheNewestThatMavenKeepsAndThatForGpusComesFirst() throws IOException {
    assertThatThrownBy(() -> OnnxRuntimeJar.find(folder, true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("mvn dependency:get")
        .hasMessageContaining("--onnxruntime");
    Path old = jar("onnxruntime", "1.9.1");
    Path newer = jar("onnxruntime", "1.29.0");
    assertThat(OnnxRuntimeJar.find(folder, true)).isEqualTo(newer).isNotEqualTo(old);
    Path gpu = jar("onnxruntime_gpu", "1.20.0");
    assertThat(OnnxRuntimeJar.find(folder, false)).isEqualTo(gpu);
    assertThat(OnnxRuntimeJar.find(folder, true)).isEqualTo(newer);
  }

  private Path jar(String name, String version) throws IOException {
    Path file =
        folder.resolve(
            "com/microsoft/onnxruntime/%s/%s/%s-%s.jar".formatted(name, version, name, version));
    Files.createDirectories(file.getParent());
    return Files.createFile(file);
  }
}
