package wan4j.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.cuda.bind.CublasLt.Algorithm;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.ops.OperandFormat;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Random operands for any product up to a size, and a clock: the candidates of a product take
/// turns, so that clocks and temperature are the same for each.
final class ProductTimer implements AutoCloseable {
  private static final int COLUMNS = 1024;
  private static final int SMALLEST_BLOCK = 64; // half of what the finest scales cover

  private final CudaOps ops;
  private final Scope scope;
  private final Parameters memory;
  private final Tensor plain; // bfloat16 values for inputs, weights and biases
  private final Tensor eights; // the same in E4M3
  private final Tensor factors;
  private final Tensor output;
  private final List<Long> events = new ArrayList<>();

  /// Makes operands of up to `largest` elements and room for outputs of `outputBytes`.
  ProductTimer(CudaOps ops, long largest, long outputBytes) {
    this.ops = ops;
    scope = ops.scope();
    memory = ops.parameters();
    Shape shape = Shape.of(Math.ceilDiv(largest, COLUMNS), COLUMNS);
    plain = memory.tensor(new RandomSource("values", shape, 5L << 56, 0, 1), DType.BF16);
    eights = ops.operand(plain, OperandFormat.Simple.FLOAT8_CURRENT).values();
    // per-tensor, per-row and block scales of any of the products, all near one hundredth
    Shape scales = Shape.of(largest / SMALLEST_BLOCK);
    factors =
        memory.tensor(new RandomSource("factors", scales, 6L << 56, 0.01f, 0.001f), DType.F32);
    output = ops.empty(DType.U8, outputBytes);
  }

  /// Plans a product with the library's first algorithm and gives it its pointers; the caller
  /// closes it.
  MatmulPlan plan(MatmulDescription product) {
    MatmulPlan plan = ops.products().first(product);
    if (product.epilogue().biased()) {
      plan.bias(DeviceStorage.address(plain));
    }
    if (product.input() == Element.FLOAT8_E4M3) {
      plan.scales(DeviceStorage.address(factors), DeviceStorage.address(factors));
    }
    if (product.output() == Element.FLOAT8_E4M3) {
      plan.outputScale(DeviceStorage.address(factors));
    }
    return plan;
  }

  /// Returns those of up to `most` algorithms that run, each run once, the library's best guess
  /// first.
  List<Algorithm> candidates(MatmulPlan plan, int most) {
    List<Algorithm> runnable = new ArrayList<>();
    for (Algorithm candidate : ops.products().candidates(plan, most)) {
      try {
        plan.use(candidate);
        run(plan);
        ops.synchronize();
        runnable.add(candidate);
      } catch (CudaException e) {
        // The heuristic promises more than the library does: such an algorithm is no candidate.
      }
    }
    return runnable;
  }

  /// Returns the milliseconds of each candidate in each round, the mean of `repeats` runs; who
  /// begins changes from round to round.
  double[][] times(MatmulPlan plan, List<Algorithm> candidates, int rounds, int repeats) {
    int count = candidates.size();
    while (events.size() < 2 * rounds * count) {
      events.add(CudaStreams.createTimingEvent());
    }
    for (int round = 0; round < rounds; round++) {
      for (int turn = 0; turn < count; turn++) {
        int candidate = (turn + round) % count;
        int mark = 2 * (round * count + candidate);
        plan.use(candidates.get(candidate));
        CudaStreams.record(events.get(mark), ops.stream());
        for (int i = 0; i < repeats; i++) {
          run(plan);
        }
        CudaStreams.record(events.get(mark + 1), ops.stream());
      }
    }
    ops.synchronize();
    double[][] times = new double[count][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int candidate = 0; candidate < count; candidate++) {
        int mark = 2 * (round * count + candidate);
        times[candidate][round] =
            CudaStreams.milliseconds(events.get(mark), events.get(mark + 1)) / repeats;
      }
    }
    return times;
  }

  /// Returns the first bfloat16 values that an algorithm writes, zeros where there are fewer.
  float[] output(MatmulPlan plan, Algorithm algorithm, int count) {
    ops.clear(output);
    plan.use(algorithm);
    run(plan);
    Tensor values = new Tensor(Shape.of(count), DType.BF16, output.storage());
    return ops.download(values).toFloats();
  }

  private void run(MatmulPlan plan) {
    boolean isFloat8 = plan.description().input() == Element.FLOAT8_E4M3;
    long values = DeviceStorage.address(isFloat8 ? eights : plain);
    ops.products().run(plan, values, values, DeviceStorage.address(output));
  }

  /// Returns the middle of some times.
  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  @Override
  public void close() {
    ops.synchronize();
    events.forEach(CudaStreams::destroyEvent);
    memory.close();
    scope.close();
  }
}
