package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.MemoryNeed;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.KernelCache;
import wan4j.engine.Backends;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.ops.SideBranch;
import wan4j.ops.Window;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

final class CudaMemoryTest {
  private static final long MEBI = 1L << 20;
  private static final int DIM = 1024;
  private static final int TOKENS = 2001;

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Test
  void aRequestThatDoesNotFitIsRefusedWithTheNumbersBeforeAnythingIsTaken() {
    try (CudaOps ops =
        new CudaOps(
            Cuda.device().ordinal(), CudaTypes.BFLOAT16, KernelCache.ofUser(), 512 * MEBI)) {
      long before = ops.peakBytes();
      long fixed = CudaOps.fixedBytes(false);
      MemoryNeed need =
          new MemoryNeed(150 * MEBI, 100 * MEBI, fixed, CudaOps.allowanceBytes()); // 256 MiB
      assertThatThrownBy(() -> Backends.reserve(ops, need))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("needs %,d MiB on the GPU".formatted(need.bytes() / MEBI))
          .hasMessageContaining("256 allowed for the plans of cuDNN")
          .hasMessageContaining("512 MiB are free")
          .hasMessageContaining("--offload_model");
      assertThat(ops.peakBytes()).isEqualTo(before);
      assertThatThrownBy(() -> ops.empty(DType.F32, 512 * MEBI))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("of 512 MiB free and 2,048 MiB more are needed");
    }
  }

  @Test
  void reservedMemoryIsFilledWithoutGaps() {
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16)) {
      ops.reserve(100 * MEBI, 100 * MEBI);
      long held = ops.peakBytes();
      for (long first : new long[] {1, 30, 60}) {
        try (Scope _ = ops.scope()) {
          ops.empty(DType.U8, first * MEBI);
          ops.empty(DType.U8, (100 - first) * MEBI);
        }
      }
      assertThat(ops.peakBytes()).isEqualTo(held);
    }
  }

  /// The estimate of `wan4j inspect` counts what the backend does: both run the same layers here.
  @ParameterizedTest
  @EnumSource(Precision.class)
  void theEstimateIsWhatTheBackendTakes(Precision precision) {
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16);
        NullOps shapes = NullOps.device(DType.BF16, DType.F32)) {
      long fixed = ops.peakBytes();
      layers(shapes, precision);
      ops.reserve(shapes.mostScopeBytes(), shapes.mostScopeBytes());
      layers(ops, precision);
      double estimated = shapes.mostWeightBytes() + shapes.mostScopeBytes();
      assertThat((ops.peakBytes() - fixed) / estimated).isCloseTo(1, within(0.05));
    }
  }

  /// Addresses repeat: once a network has run, it asks the driver for nothing more.
  @ParameterizedTest
  @EnumSource(Precision.class)
  void aNetworkThatRunsAgainTakesNothingOfTheDriver(Precision precision) {
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16);
        NullOps shapes = NullOps.device(DType.BF16, DType.F32);
        Layers layers = new Layers(ops, precision)) {
      layers(shapes, precision);
      ops.reserve(shapes.mostScopeBytes(), shapes.mostScopeBytes());
      layers.run();
      int taken = ops.heap().takes();
      assertThat(taken).isPositive();
      layers.run();
      assertThat(ops.heap().takes()).isEqualTo(taken);
      layers.run();
      assertThat(ops.heap().takes()).isEqualTo(taken);
    }
  }

  private static void layers(Ops ops, Precision precision) {
    try (Layers layers = new Layers(ops, precision)) {
      layers.run();
    }
  }

  /// A layer of each kind with its weights.
  private static final class Layers implements AutoCloseable {
    private final Ops ops;
    private final Parameters parameters;
    private final Linear up;
    private final Linear down;
    private final Convolution convolution;

    Layers(Ops ops, Precision precision) {
      this.ops = ops;
      parameters = ops.parameters();
      up = linear(parameters, 4 * DIM, DIM, precision);
      down = linear(parameters, DIM, 4 * DIM, precision);
      SideBranch side = new SideBranch.LowRank(0, random(32, 4 * DIM), random(DIM, 32), 0.1f);
      parameters.attach(down, List.of(side));
      convolution = parameters.convolution(random(96, 96, 3, 3, 3), random(96));
    }

    void run() {
      try (Scope _ = ops.scope()) {
        Tensor x = ops.empty(DType.F32, TOKENS, DIM);
        ops.clear(x);
        Tensor weight = ops.upload(Tensor.of(new float[DIM], DIM), DType.F32);
        try (Scope _ = ops.scope()) {
          Operand h = ops.rmsNorm(x, weight, 1e-6, up.input(Branch.CONDITIONAL));
          Operand wide = ops.linear(h, up, Activation.GELU_TANH, down.input(Branch.CONDITIONAL));
          ops.linear(wide, down, Activation.NONE);
        }
        try (Scope _ = ops.scope()) {
          Tensor part = ops.empty(DType.BF16, TOKENS, 8, 128);
          ops.clear(part);
          ops.attention(new Heads(part, part, part), 0.1, up.input(Branch.CONDITIONAL));
        }
        try (Scope _ = ops.scope()) {
          Tensor features = ops.empty(DType.BF16, 6, 64, 64, 96);
          ops.clear(features);
          Tensor target = ops.empty(DType.BF16, 4, 64, 64, 96);
          ops.convolution(features, convolution, Window.SAME_3X3, target, target);
          Tensor gamma = ops.upload(Tensor.of(new float[96], 96), DType.F32);
          ops.normalisedConvolution(features, convolution, Window.SAME_3X3, gamma, target);
        }
        ops.synchronize();
      }
    }

    @Override
    public void close() {
      parameters.close();
    }
  }

  private static Linear linear(
      Parameters parameters, int outputs, int inputs, Precision precision) {
    return parameters.linear(List.of(random(outputs, inputs)), List.of(random(outputs)), precision);
  }

  private static RandomSource random(long... sizes) {
    return new RandomSource("random", Shape.of(sizes), 1L << 40, 0, 0.1f);
  }
}
