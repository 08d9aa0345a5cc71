package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static wan4j.cuda.bind.MatmulDescription.Element.BFLOAT16;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT32;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT8_E4M3;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.jit.Kernel;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelModule;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// The driver and the libraries against plain loops; runs only beside a Hopper GPU.
final class GpuBindingsTest {
  private static final KernelSource PROBE =
      KernelSource.of("probe.cu", Map.of("FACTOR", 2.5f, "ROWS", 8, "COLUMNS", 32));

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
    CudaDriver.initialize();
    CudaContexts.retain(0);
  }

  @Test
  void aKernelTakesItsConstantsAndItsArguments(@TempDir Path folder) {
    KernelCache cache = new KernelCache(new NvrtcCompiler(), folder, false);
    try (ProbeMemory memory = new ProbeMemory();
        KernelModule module = cache.module(PROBE)) {
      Kernel kernel = module.kernel("scale");
      float[] from = ProbeMemory.normal(new Random(1), 1000);
      long to = memory.empty(4L * from.length);
      kernel.launch(
          LaunchShape.covering(from.length, 128),
          0,
          new KernelArguments().add(memory.floats(from)).add(to).add(3f).add(from.length));
      float[] got = ProbeMemory.read(to, from.length, 4);
      for (int i = 0; i < from.length; i++) {
        assertThat(got[i]).isEqualTo(from[i] * 2.5f * 3f);
      }
      assertThat(kernel.registers()).isPositive();
      assertThat(kernel.localBytes()).isZero();
      assertThat(kernel.blocksPerMultiprocessor(LaunchShape.of(1, 128))).isPositive();
      assertThatThrownBy(() -> module.kernel("none")).isInstanceOf(CudaException.class);
    }
  }

  @Test
  void aTensorMapBringsItsBoxAndZeroBeyondTheEdge(@TempDir Path folder) {
    KernelCache cache = new KernelCache(new NvrtcCompiler(), folder, false);
    try (ProbeMemory memory = new ProbeMemory();
        KernelModule module = cache.module(PROBE)) {
      float[] from = ProbeMemory.normal(new Random(2), 64 * 96);
      long to = memory.empty(8 * 32 * 4);
      TensorMap map =
          new TensorMap(
              TensorMap.Element.FLOAT32,
              memory.floats(from),
              new long[] {96, 64},
              new long[] {96 * 4},
              new int[] {32, 8},
              TensorMap.Swizzle.NONE);
      module
          .kernel("tile")
          .launch(
              LaunchShape.of(1, 128), 0, new KernelArguments().add(map).add(to).add(80).add(10));
      float[] got = ProbeMemory.read(to, 8 * 32, 4);
      for (int row = 0; row < 8; row++) {
        for (int column = 0; column < 32; column++) {
          float right = 80 + column < 96 ? from[(10 + row) * 96 + 80 + column] : 0;
          assertThat(got[row * 32 + column]).isEqualTo(right);
        }
      }
    }
  }

  @Test
  void aProgramThatDoesNotCompileIsAnErrorWithItsLine() {
    assertThatThrownBy(() -> Nvrtc.compile("bad.cu", "int f( {", Map.of(), List.of()))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("bad.cu");
  }

  @ParameterizedTest
  @EnumSource
  void productsAgreeWithPlainLoops(Epilogue epilogue) {
    MatmulProbe probe = new MatmulProbe();
    assertThat(probe.distance(linear(BFLOAT16, BFLOAT16).with(epilogue))).isLessThan(4e-3);
    assertThat(probe.distance(linear(FLOAT8_E4M3, BFLOAT16).with(epilogue))).isLessThan(4e-3);
  }

  @Test
  void productsOfFloat32AreExact() {
    assertThat(new MatmulProbe().distance(linear(FLOAT32, FLOAT32))).isLessThan(2e-6);
  }

  @ParameterizedTest
  @CsvSource({"VECTOR, VECTOR", "BLOCK_1X128, BLOCK_128X128", "BLOCK_1X128, BLOCK_1X128"})
  void scalesMultiplyWhatTheyAreFor(Scale ofInput, Scale ofWeight) {
    MatmulDescription eight = linear(FLOAT8_E4M3, BFLOAT16);
    assertThat(new MatmulProbe().distance(eight.withScales(ofInput, ofWeight))).isLessThan(4e-3);
  }

  private static MatmulDescription linear(
      MatmulDescription.Element input, MatmulDescription.Element output) {
    return MatmulDescription.linear(136, 256, 640, input, output);
  }

  @ParameterizedTest
  @CsvSource({
    "BFLOAT16, true, ANY, 4e-3",
    "BFLOAT16, false, ANY, 4e-3",
    "FLOAT32, true, FULL, 1e-5",
    "FLOAT32, false, FULL, 1e-5",
    "FLOAT32, false, ANY, 2e-3"
  })
  void convolutionsAgreeWithPlainLoops(
      Cudnn.Element type, boolean isBiased, CudnnGraph.Precision precision, double bound) {
    assertThat(new CudnnProbe().convolution(type, isBiased, precision)).isLessThan(bound);
  }

  @ParameterizedTest
  @CsvSource({"128", "64", "32"})
  void attentionAgreesWithPlainLoops(int headSize) {
    CudnnProbe probe = new CudnnProbe();
    assertThat(probe.attention(headSize, CudnnAttention.Form.SMALL_OPERATIONS)).isLessThan(6e-3);
  }

  /// A communicator of one rank: every collective gives back what it got.
  @Test
  void collectivesOfOneRankCopy() {
    assumeTrue(NativeLibraries.NCCL.isLoaded(), "there is no NCCL on this machine");
    float[] from = ProbeMemory.normal(new Random(5), 512);
    long ranks = Nccl.join(Nccl.uniqueId(), 1, 0);
    try (ProbeMemory memory = new ProbeMemory()) {
      long x = memory.floats(from);
      List<Collective> collectives =
          List.of(
              to -> Nccl.allReduce(x, to, 512, Nccl.Element.FLOAT32, Nccl.Reduction.SUM, ranks, 0),
              to -> Nccl.allToAll(x, to, 512, Nccl.Element.FLOAT32, 1, ranks, 0),
              to -> Nccl.allGather(x, to, 512, Nccl.Element.FLOAT32, ranks, 0),
              to -> Nccl.broadcast(x, to, 512, Nccl.Element.FLOAT32, 0, ranks, 0));
      for (Collective collective : collectives) {
        long to = memory.empty(4 * 512);
        collective.writeTo(to);
        assertThat(ProbeMemory.read(to, 512, 4)).isEqualTo(from);
      }
      assertThat(Nccl.failure(ranks)).isNull();
    } finally {
      Nccl.destroy(ranks);
    }
  }

  @Test
  void aCommunicatorIsLeftAtOnce() {
    assumeTrue(NativeLibraries.NCCL.isLoaded(), "there is no NCCL on this machine");
    assertThatCode(() -> Nccl.abort(Nccl.join(Nccl.uniqueId(), 1, 0))).doesNotThrowAnyException();
  }

  private interface Collective {
    void writeTo(long address);
  }
}
