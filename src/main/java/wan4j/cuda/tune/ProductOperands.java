package wan4j.cuda.tune;

import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CublasLt.Algorithm;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.OperandFormat;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Random operands for any product up to a size.
final class ProductOperands implements AutoCloseable {
  private static final int COLUMNS = 1024;
  private static final int SMALLEST_BLOCK = 64; // half of what the finest scales cover

  private final CudaOps ops;
  private final Scope scope;
  private final Parameters memory;
  private final Tensor plain; // bfloat16 values for inputs, weights and biases
  private final Tensor eights; // the same in E4M3
  private final Tensor factors;
  private final Tensor output;

  /// Makes operands of up to `largest` elements and room for outputs of `outputBytes`.
  ProductOperands(CudaOps ops, long largest, long outputBytes) {
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
        // The heuristic also returns algorithms that do not run; they are skipped.
      }
    }
    return runnable;
  }

  /// Returns the run of a plan with an algorithm.
  Runnable run(MatmulPlan plan, Algorithm algorithm) {
    return () -> {
      plan.use(algorithm);
      run(plan);
    };
  }

  /// Returns the first bfloat16 values of the output, zeros where there are fewer, after a run.
  float[] output(Runnable run, int count) {
    ops.clear(output);
    run.run();
    return ops.download(new Tensor(Shape.of(count), DType.BF16, output.storage())).toFloats();
  }

  private void run(MatmulPlan plan) {
    boolean isFloat8 = plan.description().input() == Element.FLOAT8_E4M3;
    long values = DeviceStorage.address(isFloat8 ? eights : plain);
    ops.products().run(plan, values, values, DeviceStorage.address(output));
  }

  @Override
  public void close() {
    ops.synchronize();
    memory.close();
    scope.close();
  }
}
