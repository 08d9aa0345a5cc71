package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What every backend must do for branches beside linear layers: the same as a weight into which
/// they are merged, without touching the weight.
public abstract class SideBranchContract {
  /// E4M3 x E4M3 rounding of normal data is 3.74e-2; two weights that are rounded apart are further
  /// from each other than each is from the truth.
  private static final double FLOOR = 3.74e-2 * 1.03;

  private static final int INPUTS = 384;
  private static final int FIRST = 208;
  private static final int SECOND = 96;

  private Truth truth;
  private List<TensorSource> weights;
  private List<TensorSource> biases;
  private List<SideBranch> branches;

  /// Returns a new backend, which the test closes.
  protected abstract Ops ops();

  /// Returns the relative error that rounding to the backend's types explains.
  protected abstract double tolerance();

  @BeforeEach
  void open() {
    truth = new Truth(ops(), tolerance());
    weights =
        List.of(
            truth.source(DType.F32, 0.1, FIRST, INPUTS),
            truth.source(DType.BF16, 0.1, SECOND, INPUTS));
    biases = List.of(truth.source(DType.F32, 1, FIRST), truth.source(DType.F32, 1, SECOND));
    branches =
        List.of(
            pair(0, FIRST, 4, 0.5f),
            pair(FIRST, SECOND, 7, -0.25f),
            pair(0, FIRST, 33, 0.125f),
            new SideBranch.Dense(FIRST, truth.source(DType.BF16, 0.1, SECOND, INPUTS), 0.5f),
            new SideBranch.Bias(0, truth.source(DType.F16, 1, FIRST), 2f),
            new SideBranch.Bias(FIRST, truth.source(DType.BF16, 1, SECOND), -1f));
  }

  private SideBranch.LowRank pair(int first, int outputs, int rank, float factor) {
    return new SideBranch.LowRank(
        first,
        truth.source(DType.F16, 0.3, rank, INPUTS),
        truth.source(DType.BF16, 0.3, outputs, rank),
        factor);
  }

  @AfterEach
  void close() {
    truth.close();
  }

  static List<Object[]> layers() {
    List<Object[]> layers = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      for (Activation activation : List.of(Activation.NONE, Activation.GELU_TANH)) {
        layers.add(new Object[] {precision, activation});
      }
    }
    layers.add(new Object[] {Precision.PLAIN, Activation.SILU});
    return layers;
  }

  @ParameterizedTest
  @MethodSource("layers")
  void branchesAreAddedBeforeTheFunctionThatFollows(Precision precision, Activation activation) {
    for (int rows : new int[] {1, 13, 207}) {
      Tensor x = truth.normal(1, 0.1, rows, INPUTS);
      truth.compare(ops -> run(ops, x, precision, activation, weights, biases, branches));
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void branchesAreAsNearToTheMergedWeightAsRoundingAllows(
      Precision precision, Activation activation) {
    Tensor x = truth.normal(1, 0.1, 37, INPUTS);
    float[] merged;
    float[] beside;
    try (Ops ops = ops()) {
      List<TensorSource> sums = List.of(merged(0, weights), merged(FIRST, weights));
      List<TensorSource> sumsOfBiases = List.of(mergedBias(0), mergedBias(FIRST));
      merged = values(ops, run(ops, x, precision, activation, sums, sumsOfBiases, List.of()));
      beside = values(ops, run(ops, x, precision, activation, weights, biases, branches));
    }
    double within = precision.isFloat8() ? FLOOR * Math.sqrt(2) : 2 * tolerance();
    assertThat(Truth.difference(beside, merged)).isLessThan(within);
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void branchesAreAddedToFloat8LayersOfAnyShape(Precision precision) {
    List<TensorSource> weight = List.of(truth.source(DType.BF16, 0.1, 42, 90));
    List<TensorSource> bias = List.of(truth.source(DType.F32, 1, 42));
    List<SideBranch> pairs =
        List.of(
            new SideBranch.LowRank(
                0, truth.source(DType.F16, 0.3, 4, 90), truth.source(DType.BF16, 0.3, 42, 4), 0.5f),
            new SideBranch.Bias(0, truth.source(DType.F16, 1, 42), 2f));
    Tensor x = truth.normal(1, 0.1, 13, 90);
    truth.compare(ops -> run(ops, x, precision, Activation.GELU_TANH, weight, bias, pairs));
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void closingTheHomeTakesBranchesAway(Precision precision) {
    Tensor x = truth.normal(1, 0.1, 13, INPUTS);
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(weights, biases, precision);
      float[] before = forward(ops, layer, x);
      try (Parameters home = ops.parameters()) {
        home.attach(layer, branches);
        float[] with = forward(ops, layer, x);
        assertThat(Truth.difference(with, before)).isGreaterThan(0.1);
        // another set takes the place of the first
        try (Parameters other = ops.parameters()) {
          other.attach(layer, List.of(branches.getLast()));
          assertThat(forward(ops, layer, x)).isNotEqualTo(with).isNotEqualTo(before);
        }
      }
      if (precision != Precision.FLOAT8_DELAYED) { // whose scale follows what it has seen
        assertThat(forward(ops, layer, x)).isEqualTo(before);
      }
    }
  }

  @Test
  void adjustedTensorsGetTheirElementsBack() {
    TensorSource before = truth.source(DType.F32, 1, 6, 96);
    TensorSource change = truth.source(DType.BF16, 1, 1, 6, 96);
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Tensor tensor = parameters.tensor(before, DType.F32);
      try (Parameters home = ops.parameters()) {
        home.adjust(tensor, change, 0.5f);
        home.adjust(tensor, change, -2f);
        float[] got = values(ops, tensor);
        float[] start = before.load().toFloats();
        float[] values = change.load().toFloats();
        for (int i = 0; i < got.length; i++) {
          assertThat(got[i])
              .isCloseTo(start[i] - 1.5f * values[i], org.assertj.core.data.Offset.offset(1e-5f));
        }
      }
      assertThat(values(ops, tensor)).isEqualTo(before.load().toFloats());
    }
  }

  @Test
  void aBranchThatDoesNotFitIsRefused() {
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(weights, biases, Precision.PLAIN);
      for (SideBranch branch :
          List.of(
              pair(FIRST, FIRST, 4, 1),
              new SideBranch.Dense(0, truth.source(DType.F32, 1, FIRST, 16), 1),
              new SideBranch.Bias(FIRST + 1, truth.source(DType.F32, 1, SECOND), 1))) {
        assertThatThrownBy(() -> parameters.attach(layer, List.of(branch)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("384 inputs and 304 outputs");
      }
    }
  }

  private static Tensor run(
      Ops ops,
      Tensor x,
      Precision precision,
      Activation activation,
      List<TensorSource> weights,
      List<TensorSource> biases,
      List<SideBranch> branches) {
    try (Parameters parameters = ops.parameters();
        Parameters home = ops.parameters()) {
      Linear layer = parameters.linear(weights, biases, precision);
      if (!branches.isEmpty()) {
        home.attach(layer, branches);
      }
      Tensor result = ops.linear(operand(ops, layer, x), layer, activation);
      ops.synchronize();
      return result;
    }
  }

  private static float[] forward(Ops ops, Linear layer, Tensor x) {
    return values(ops, ops.linear(operand(ops, layer, x), layer, Activation.NONE));
  }

  @Test
  void aSumIsLoadedInTheValuesThatItsPlainReadGives() {
    try (Ops ops = ops();
        Parameters home = ops.parameters()) {
      for (int first : new int[] {0, FIRST}) {
        TensorSource expected = merged(first, weights);
        Sum sum = new Sum(weights.get(first == 0 ? 0 : 1), addends(first), expected);
        float[] wanted = expected.load().toFloats();
        assertThat(Truth.difference(values(ops, home.tensor(sum, DType.F32)), wanted))
            .isLessThan(2e-6);
        assertThat(Truth.difference(values(ops, home.tensor(sum, DType.BF16)), wanted))
            .isLessThan(2e-3);
      }
      TensorSource bias = truth.source(DType.BF16, 1, FIRST);
      float[] wanted = bias.load().toFloats();
      addScaled(wanted, biases.getFirst(), 3);
      TensorSource expected = TensorSource.of("bias", Tensor.of(wanted, FIRST));
      Sum sum =
          new Sum(bias, List.of(new SummedSource.Addend.Values(biases.getFirst(), 3)), expected);
      assertThat(Truth.difference(values(ops, home.tensor(sum, DType.F32)), wanted))
          .isLessThan(2e-6);
    }
  }

  private List<SummedSource.Addend> addends(int firstOutput) {
    List<SummedSource.Addend> addends = new ArrayList<>();
    for (SideBranch branch : branches) {
      if (branch.firstOutput() == firstOutput) {
        switch (branch) {
          case SideBranch.LowRank pair ->
              addends.add(new SummedSource.Addend.Product(pair.up(), pair.down(), pair.factor()));
          case SideBranch.Dense dense ->
              addends.add(new SummedSource.Addend.Values(dense.weight(), dense.factor()));
          case SideBranch.Bias _ -> {}
        }
      }
    }
    return addends;
  }

  /// A sum whose plain read gives values that were computed elsewhere.
  private record Sum(TensorSource base, List<Addend> addends, TensorSource values)
      implements SummedSource {
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
      values.read(offset, target);
    }
  }

  private static Operand operand(Ops ops, Linear layer, Tensor x) {
    OperandFormat want = layer.input(Branch.CONDITIONAL);
    DType type = want == OperandFormat.Simple.FLOAT32 ? DType.F32 : ops.activation();
    return ops.operand(ops.upload(x, type), want);
  }

  private static float[] values(Ops ops, Tensor tensor) {
    return ops.download(tensor).toFloats();
  }

  private TensorSource merged(int firstOutput, List<TensorSource> parts) {
    TensorSource base = parts.get(firstOutput == 0 ? 0 : 1);
    float[] sum = base.load().toFloats();
    for (SideBranch branch : branches) {
      if (branch.firstOutput() != firstOutput) {
        continue;
      }
      if (branch instanceof SideBranch.Dense dense) {
        addScaled(sum, dense.weight(), dense.factor());
      }
      if (branch instanceof SideBranch.LowRank pair) {
        float[] up = pair.up().load().toFloats();
        float[] down = pair.down().load().toFloats();
        for (int i = 0; i < sum.length; i++) {
          double product = 0;
          for (int k = 0; k < pair.rank(); k++) {
            product += (double) up[i / INPUTS * pair.rank() + k] * down[k * INPUTS + i % INPUTS];
          }
          sum[i] += (float) (pair.factor() * product);
        }
      }
    }
    return TensorSource.of("weight", Tensor.of(sum, sum.length / INPUTS, INPUTS));
  }

  private TensorSource mergedBias(int firstOutput) {
    float[] sum = biases.get(firstOutput == 0 ? 0 : 1).load().toFloats();
    for (SideBranch branch : branches) {
      if (branch.firstOutput() == firstOutput && branch instanceof SideBranch.Bias bias) {
        addScaled(sum, bias.bias(), bias.factor());
      }
    }
    return TensorSource.of("bias", Tensor.of(sum, sum.length));
  }

  private static void addScaled(float[] sum, TensorSource source, float factor) {
    float[] values = source.load().toFloats();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * values[i];
    }
  }
}
