package wan4j.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.ops.Convolution;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.ops.Window;
import wan4j.ops.plan.DeviceRules;
import wan4j.ops.plan.NullOps;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

class PatchConvolutionTest {
  private static final int FRAMES = 1200;

  private record Unread(String name, DType dtype, Shape shape) implements TensorSource {
    @Override
    public void read(long offset, MemorySegment target) {
      throw new AssertionError(name + " was read");
    }
  }

  private static CudaConvolution layer(int inputs, int outputs, int time) {
    return new CudaConvolution(null, null, null, inputs, outputs, 1, time, 3, 3);
  }

  @ParameterizedTest
  @CsvSource({"96,96", "384,384", "3,96", "96,3", "256,256", "512,256", "640,640"})
  void whatIsFasterThanCudnnIsTaken(int inputs, int outputs) {
    CudaConvolution layer = layer(inputs, outputs, 3);
    assertThat(DeviceRules.isOurConvolution(DType.BF16, layer, Window.SAME_3X3)).isTrue();
    assertThat(DeviceRules.isOurConvolution(DType.F32, layer, Window.SAME_3X3)).isFalse();
    assertThat(DeviceRules.isOurConvolution(DType.BF16, layer, Window.HALVE_3X3)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"512,512", "1024,1024", "1024,512", "48,1024"})
  void whatIsSlowerThanCudnnIsLeftToIt(int inputs, int outputs) {
    CudaConvolution layer = layer(inputs, outputs, 3);
    assertThat(DeviceRules.isOurConvolution(DType.BF16, layer, Window.SAME_3X3)).isFalse();
    assertThat(DeviceRules.fitsOurConvolution(DType.BF16, layer, Window.SAME_3X3)).isTrue();
  }

  /// Room for sums that are normalised afterwards is counted where two kernels are needed, and only
  /// there.
  @ParameterizedTest
  @CsvSource({
    "96,96",
    "192,192",
    "96,192",
    "384,384",
    "256,256",
    "256,128",
    "160,160",
    "320,320",
    "640,640",
    "512,512",
    "1024,1024",
    "64,32",
    "64,64"
  })
  void theMemoryThatIsCountedBeforehandFollowsWhichKernelIsTaken(int inputs, int outputs) {
    CudaConvolution layer = layer(inputs, outputs, 3);
    boolean isOurs = DeviceRules.isOurConvolution(DType.BF16, layer, Window.SAME_3X3);
    boolean isOne = isOurs && DeviceRules.isNormalisedByPatches(layer.outputs());
    assertThat(temporaries(inputs, outputs, false)).isEqualTo(isOurs ? 0 : FRAMES * 512L * outputs);
    assertThat(temporaries(inputs, outputs, true)).isEqualTo(isOne ? 0 : FRAMES * 512L * outputs);
  }

  /// What a convolution of so many frames of 16 x 16 pixels needs beside its arguments: one that is
  /// normalised, or one with an addend.
  private static long temporaries(int inputs, int outputs, boolean isNormalised) {
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        Parameters parameters = ops.parameters();
        Scope _ = ops.scope()) {
      Convolution layer =
          parameters.convolution(
              new Unread("weight", DType.BF16, Shape.of(outputs, inputs, 3, 3, 3)),
              new Unread("bias", DType.BF16, Shape.of(outputs)));
      Tensor gamma = ops.empty(DType.F32, outputs);
      Tensor x = ops.empty(DType.BF16, FRAMES + 2L, 16, 16, inputs);
      Tensor target = ops.empty(DType.BF16, FRAMES, 16, 16, outputs);
      long before = ops.mostScopeBytes();
      if (isNormalised) {
        ops.normalisedConvolution(x, layer, Window.SAME_3X3, gamma, target);
      } else {
        ops.convolution(x, layer, Window.SAME_3X3, target, target);
      }
      return ops.mostScopeBytes() - before;
    }
  }

  @Test
  void theShapesOfWan21ShareEightPlans() {
    int[][] layers = {
      {3, 96},
      {96, 96},
      {96, 192},
      {192, 192},
      {192, 384},
      {384, 384},
      {384, 32},
      {16, 384},
      {384, 192},
      {192, 96},
      {96, 3}
    };
    Set<String> instances = new TreeSet<>();
    for (int[] layer : layers) {
      int inputs = DeviceRules.patchInputs(layer[0]);
      PatchConvolution.Plan plan = PatchConvolution.Plan.of(inputs, layer[1]);
      instances.add(plan.toString());
      assertThat(plan.shared()).isLessThanOrEqualTo(225 * 1024);
    }
    assertThat(instances).hasSize(8);
  }
}
