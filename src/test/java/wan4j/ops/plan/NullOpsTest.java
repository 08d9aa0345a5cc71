package wan4j.ops.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.ops.SequenceGroup;
import wan4j.ops.SideBranch;
import wan4j.ops.Window;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

class NullOpsTest {
  private static final int DIM = 5120;
  private static final int TOKENS = 75_600;

  /// A weight of a full-size model, of which nothing is ever read.
  private record Unread(String name, DType dtype, Shape shape) implements TensorSource {
    @Override
    public void read(long offset, MemorySegment target) {
      throw new AssertionError(name + " was read");
    }
  }

  private static TensorSource weight(long... sizes) {
    return new Unread("weight", DType.F32, Shape.of(sizes));
  }

  @Test
  void aFullSizeFeedForwardRunsOnShapesAlone() {
    try (NullOps ops = new NullOps(DType.BF16, DType.BF16, 256);
        Parameters parameters = ops.parameters()) {
      Linear up = linear(parameters, 13_824, DIM, Precision.FLOAT8_TOKEN);
      Linear down = linear(parameters, DIM, 13_824, Precision.FLOAT8_TOKEN);
      long weights = parameters.bytes();
      assertThat(weights).isEqualTo(2L * 13_824 * DIM + 2 * 4L * (13_824 + DIM));
      Tensor x = ops.empty(ops.residual(), TOKENS, DIM);
      Tensor part = ops.empty(DType.F32, 1, DIM);
      Tensor rows = ops.empty(DType.I32, TOKENS);
      long outside = ops.liveBytes();
      try (Scope _ = ops.scope()) {
        Operand normed = ops.modulatedNorm(x, part, part, rows, 1e-6, up.input(Branch.CONDITIONAL));
        Operand hidden =
            ops.linear(normed, up, Activation.GELU_TANH, down.input(Branch.CONDITIONAL));
        Tensor y = ops.linear(hidden, down, Activation.NONE);
        ops.gatedAdd(x, y, part, rows);
        assertThat(y.shape()).isEqualTo(Shape.of(TOKENS, DIM));
        assertThat(y.dtype()).isEqualTo(DType.BF16);
      }
      long inner =
          (long) TOKENS * (DIM + 13_824 + 2 * DIM) + 2 * 302_592L; // scales of rows, rounded up
      assertThat(ops.peakBytes()).isEqualTo(outside + inner);
      assertThat(ops.liveBytes()).isEqualTo(outside);
    }
  }

  @Test
  void branchesBesideALayerTakeMemoryAsLongAsTheirHomeIsOpenAndAreNotRead() {
    try (NullOps ops = new NullOps(DType.BF16, DType.BF16, 256);
        Parameters parameters = ops.parameters()) {
      Linear up = linear(parameters, 13_824, DIM, Precision.FLOAT8_TOKEN);
      long before = ops.liveBytes();
      try (Parameters home = ops.parameters()) {
        home.attach(up, List.of(new SideBranch.LowRank(0, weight(60, DIM), weight(13_824, 60), 1)));
        long bytes = 2L * 64 * (13_824 + DIM); // the rank rounded up
        assertThat(home.bytes()).isEqualTo(bytes);
        assertThat(ops.liveBytes()).isEqualTo(before + bytes);
      }
      assertThat(ops.liveBytes()).isEqualTo(before);
    }
  }

  @Test
  void aBranchOfAGpuReadsThePlainValuesOfCodes() {
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        Parameters parameters = ops.parameters();
        Scope _ = ops.scope()) {
      Linear down = linear(parameters, DIM, 13_824, Precision.FLOAT8_TOKEN);
      Operand x =
          new Operand.Quantized(
              ops.empty(DType.F8_E4M3, TOKENS, 13_824),
              ops.empty(DType.F32, TOKENS),
              down.input(Branch.CONDITIONAL));
      Tensor y = ops.linear(x, down, Activation.NONE);
      long before = ops.mostScopeBytes();
      try (Parameters home = ops.parameters()) {
        home.attach(
            down, List.of(new SideBranch.LowRank(0, weight(32, 13_824), weight(DIM, 32), 1)));
        ops.linear(x, down, Activation.NONE);
        long plain = 2L * TOKENS * 13_824;
        long inner = 2L * TOKENS * 32;
        assertThat(ops.mostScopeBytes() - before - y.bytes())
            .isBetween(plain + inner, plain + inner + (1 << 20)); // rows and sizes are rounded up
      }
      ops.linear(x, down, Activation.NONE);
      assertThat(ops.mostScopeBytes() - before - 2 * y.bytes()).isLessThan(2L * TOKENS * 13_824);
    }
  }

  @Test
  void aWeightWithALoraMergedNeedsItsSumAndTheMatricesWhileAGpuLoadsIt() {
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        Parameters parameters = ops.parameters();
        Scope _ = ops.scope()) {
      TensorSource base = weight(DIM, DIM);
      long sum = 4L * DIM * DIM + 3 * 4L * 64 * DIM;
      parameters.linear(List.of(sum(base)), List.of(), Precision.PLAIN);
      assertThat(ops.mostScopeBytes()).isEqualTo(sum);
      parameters.linear(List.of(sum(base)), List.of(), Precision.FLOAT8_TOKEN);
      assertThat(ops.mostScopeBytes()).isEqualTo(2L * DIM * DIM + sum);
    }
  }

  private static SummedSource sum(TensorSource base) {
    return new SummedSource() {
      @Override
      public TensorSource base() {
        return base;
      }

      @Override
      public List<Addend> addends() {
        return List.of(new Addend.Product(weight(DIM, 64), weight(64, DIM), 1));
      }

      @Override
      public String name() {
        return base.name();
      }

      @Override
      public Shape shape() {
        return base.shape();
      }

      @Override
      public DType dtype() {
        return DType.F32;
      }

      @Override
      public void read(long offset, MemorySegment target) {
        throw new IllegalStateException("only shapes are looked at");
      }
    };
  }

  @Test
  void attentionsInputTakesKeysAndValuesBesideWhatIsSpare() {
    try (NullOps ops = NullOps.device(DType.BF16, DType.F32);
        Scope _ = ops.scope()) {
      Tensor spare = ops.empty(DType.BF16, TOKENS, DIM);
      long before = ops.liveBytes();
      AttentionInput input =
          ops.attentionInput(AttentionFormat.Simple.PLAIN, 40, spare, SequenceGroup.SOLO);
      assertThat(ops.liveBytes() - before).isEqualTo(2 * spare.bytes());
      assertThat(input.queries()).isEqualTo(TOKENS);
      assertThat(input.headSize()).isEqualTo(128);
      assertThatThrownBy(
              () -> ops.attentionInput(AttentionFormat.Simple.PLAIN, 39, spare, SequenceGroup.SOLO))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("columns of spare");
    }
  }

  private static Linear linear(Parameters parameters, int out, int in, Precision precision) {
    return parameters.linear(List.of(weight(out, in)), List.of(weight(out)), precision);
  }

  @Test
  void weightsCountInTheTypeOfTheirPrecision() {
    try (NullOps ops = new NullOps(DType.BF16, DType.F32, 1)) {
      assertThat(bytes(ops, Precision.FLOAT32)).isEqualTo(256 * 384 * 4 + 256 * 4);
      assertThat(bytes(ops, Precision.PLAIN)).isEqualTo(256 * 384 * 2 + 256 * 4);
      assertThat(bytes(ops, Precision.FLOAT8_CURRENT)).isEqualTo(256 * 384 + 256 * 4 + 4);
      assertThat(bytes(ops, Precision.FLOAT8_TOKEN)).isEqualTo(256 * 384 + 256 * 4 + 256 * 4);
      assertThat(bytes(ops, Precision.FLOAT8_BLOCK)).isEqualTo(256 * 384 + 256 * 4 + 2 * 4 * 4);
      assertThat(ops.liveBytes()).isZero();
    }
  }

  private static long bytes(NullOps ops, Precision precision) {
    try (Parameters parameters = ops.parameters()) {
      linear(parameters, 256, 384, precision);
      return parameters.bytes();
    }
  }

  @Test
  void sizesAreRoundedUpToTheAlignment() {
    try (NullOps ops = new NullOps(DType.BF16, DType.F32, 256)) {
      ops.empty(DType.BF16, 3);
      ops.empty(DType.F32, 65);
      assertThat(ops.liveBytes()).isEqualTo(256 + 512);
    }
  }

  @Test
  void anAutoencoderOfFullSizeIsChecked() {
    try (NullOps ops = new NullOps();
        Parameters parameters = ops.parameters()) {
      Convolution layer = parameters.convolution(weight(96, 384, 3, 3, 3), weight(96));
      Tensor x = ops.empty(DType.F32, 6, 360, 640, 384);
      Tensor large = ops.upsample(x);
      assertThat(large.shape()).isEqualTo(Shape.of(6, 720, 1280, 384));
      Tensor target = ops.empty(DType.F32, 4, 720, 1280, 96);
      ops.convolution(large, layer, Window.SAME_3X3, target);
      assertThatThrownBy(() -> ops.convolution(large, layer, Window.VALID, target))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("target is F32 [4, 720, 1280, 96]")
          .hasMessageContaining("expected float [4, 718, 1278, 96]");
    }
  }

  @Test
  void weightsThatDoNotStackAreRefused() {
    try (NullOps ops = new NullOps();
        Parameters parameters = ops.parameters()) {
      List<TensorSource> weights = List.of(weight(16, 64), weight(16, 65));
      assertThatThrownBy(() -> parameters.linear(weights, List.of(), Precision.PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected 64 columns");
      List<TensorSource> good = List.of(weight(16, 64));
      assertThatThrownBy(() -> parameters.linear(good, List.of(weight(15)), Precision.PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected [16]");
    }
  }
}
