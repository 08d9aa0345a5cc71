package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static wan4j.cuda.bind.MatmulDescription.Element.BFLOAT16;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT32;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT8_E4M3;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;

/// The libraries against plain loops; runs only beside a Hopper GPU.
final class GpuBindingsTest {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
    CudaDriver.initialize();
    CudaDriver.retainContext(0);
  }

  @Test
  void productsAgreeWithPlainLoops() {
    var probe = new MatmulProbe();
    var linear = MatmulDescription.linear(136, 256, 640, BFLOAT16, BFLOAT16);
    assertThat(probe.distance(linear.with(Epilogue.GELU_BIAS))).isLessThan(4e-3);
    var full = MatmulDescription.linear(136, 256, 640, FLOAT32, FLOAT32);
    assertThat(probe.distance(full)).isLessThan(2e-6);
    var eight = MatmulDescription.linear(136, 256, 640, FLOAT8_E4M3, BFLOAT16);
    assertThat(probe.distance(eight.with(Epilogue.BIAS))).isLessThan(4e-3);
    assertThat(probe.distance(eight.withScales(Scale.VECTOR, Scale.VECTOR))).isLessThan(4e-3);
    assertThat(probe.distance(eight.withScales(Scale.BLOCK_1X128, Scale.BLOCK_128X128)))
        .isLessThan(4e-3);
  }

  @Test
  void convolutionAndAttentionAgreeWithPlainLoops() {
    var probe = new CudnnProbe(0);
    assertThat(probe.convolution(Cudnn.Element.BFLOAT16, true, CudnnGraph.Precision.ANY).distance())
        .isLessThan(4e-3);
    assertThat(
            probe.convolution(Cudnn.Element.FLOAT32, false, CudnnGraph.Precision.FULL).distance())
        .isLessThan(1e-5);
    assertThat(probe.attention(128, CudnnAttention.Form.SMALL_OPERATIONS).distance())
        .isLessThan(6e-3);
  }
}
