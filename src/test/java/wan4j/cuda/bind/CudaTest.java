package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class CudaTest {
  @Test
  void presenceAndReasonAgree() {
    assertThat(Cuda.isPresent()).isEqualTo(Cuda.absence() == null);
    assertThat(CudaReport.ofThisMachine().isFine()).isEqualTo(Cuda.isPresent());
  }

  @Test
  void theReportNamesEveryLibraryAndTheCommandThatGetsAMissingOne() {
    var report = CudaReport.ofThisMachine();
    assertThat(report.lines())
        .extracting(CudaReport.Line::name)
        .contains("the NVIDIA driver", "NVRTC", "cuBLASLt", "cuDNN", "NCCL");
    for (var line : report.lines()) {
      if (!line.isFine() && line.place().isEmpty() && !line.name().contains("GPU")) {
        assertThat(line.problem()).containsPattern("get it with: (pip|apt-get) install ");
      }
    }
  }

  @Test
  void versionsReadAsPeopleWriteThem() {
    assertThat(Cuda.version(13_000)).isEqualTo("13.0");
    assertThat(Cuda.version(12_090)).isEqualTo("12.9");
  }

  @Test
  void aDriverThatIsTooOldIsRefusedInOneSentence() {
    assertThat(Cuda.driverAbsence(11_080))
        .isEqualTo(
            "the NVIDIA driver serves CUDA 11.8 and wan4j needs 12.0 or newer (driver 525 or"
                + " newer); update the driver");
    assertThat(Cuda.driverAbsence(12_000)).isNull();
  }

  @Test
  void gpusOfOtherGenerationsAreRefusedInOneSentence() {
    for (var major : new int[] {8, 10, 12}) {
      assertThat(Cuda.absence(List.of(gpu(0, major))))
          .isEqualTo(
              "GPU 0 has compute capability %d.0 and wan4j's kernels need 9.x (Hopper: H100, H200); use --device cpu"
                  .formatted(major));
    }
    assertThat(Cuda.absence(List.of())).contains("shows no GPU");
  }

  @Test
  void theFirstGpuThatCanBeUsedIs() {
    var gpus = List.of(gpu(0, 8), gpu(1, 9), gpu(2, 9));
    assertThat(Cuda.absence(gpus)).isNull();
    assertThat(Cuda.first(gpus)).hasValueSatisfying(gpu -> assertThat(gpu.ordinal()).isEqualTo(1));
    assertThat(Cuda.first(List.of(gpu(0, 8)))).isEmpty();
  }

  private static CudaDevice gpu(int ordinal, int major) {
    return new CudaDevice(ordinal, "GPU " + ordinal, major, 0, 132, 1L << 36);
  }

  @Test
  void aLibraryOfANewerGenerationThanTheDriverServesIsRefused() {
    assertThat(Cuda.generationAbsence(13_000, 12_080))
        .isEqualTo(
            "is built for CUDA 13.0 and the NVIDIA driver serves CUDA 12.8, which needs a build for"
                + " CUDA 12");
    assertThat(Cuda.generationAbsence(12_090, 12_000)).isNull();
    assertThat(Cuda.generationAbsence(12_090, 13_000)).isNull();
    assertThat(Cuda.generationAbsence(13_000, 13_000)).isNull();
  }

  @Test
  void launchesThatNoGpuRunsAreRefused() {
    assertThat(LaunchShape.covering(1000, 128).gridX()).isEqualTo(8);
    assertThat(LaunchShape.covering(0, 128).gridX()).isEqualTo(1);
    assertThatThrownBy(() -> LaunchShape.of(1, 1025)).hasMessageContaining("1 to 1024 threads");
    assertThatThrownBy(() -> LaunchShape.of(0, 32)).hasMessageContaining("1 or more blocks");
  }

  @Test
  void productsWithImpossibleSizesAreRefused() {
    var element = MatmulDescription.Element.BFLOAT16;
    assertThatThrownBy(() -> MatmulDescription.linear(0, 8, 8, element, element))
        .hasMessageContaining("sizes of 1 or more");
    var product = MatmulDescription.linear(4, 8, 16, element, element);
    assertThatThrownBy(() -> product.withStrides(15, 16, 8, false))
        .hasMessageContaining("at least the row's length");
  }

  @Test
  void argumentsLieWhereTheirPointersPoint() {
    var arguments = new KernelArguments().add(1).add(2L).add(3f);
    var pointers = arguments.pointers();
    var first = pointers.getAtIndex(JAVA_LONG, 0);
    assertThat(pointers.getAtIndex(JAVA_LONG, 1) - first).isEqualTo(8);
    assertThat(pointers.getAtIndex(JAVA_LONG, 2) - first).isEqualTo(16);
    var again = arguments.clear().add(4L).pointers();
    assertThat(again.getAtIndex(JAVA_LONG, 0)).isEqualTo(first);
    assertThatThrownBy(
            () -> {
              for (var count = 0; count < 65; count++) {
                arguments.add(count);
              }
            })
        .hasMessageContaining("at most 64 arguments");
  }

  @Test
  void channelsLastStridesPutTheSecondSizeInnermost() {
    assertThat(CudnnTensor.channelsLast(List.of(2L, 3L, 4L, 5L, 6L)))
        .containsExactly(360L, 1L, 90L, 18L, 3L);
  }

  @Test
  void aConvolutionKnowsItsOutputSizes() {
    var shape =
        new CudnnConvolution.Shape(
            Cudnn.Element.BFLOAT16,
            1,
            8,
            8,
            List.of(5L, 9L, 12L),
            List.of(3L, 3L, 3L),
            List.of(0L, 0L, 0L),
            List.of(0L, 1L, 1L),
            List.of(1L, 2L, 2L),
            false);
    assertThat(shape.output()).containsExactly(3L, 4L, 6L);
  }
}
