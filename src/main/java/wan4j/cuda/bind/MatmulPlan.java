package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulDescription.Scale;

/// A matrix product made ready: descriptors and algorithm chosen once, run many times. The library
/// counts columns first, so its A is our weight, its B our input and its D our output. For one
/// thread at a time; pointers are set before each run where they change.
public final class MatmulPlan implements AutoCloseable {
  private static final int TRANSPOSED = 1; // CUBLAS_OP_T
  private static final long PLACEHOLDER = 1L << 20; // an address that is never read, well aligned

  private final long handle;
  private final MatmulDescription description;
  private final CloseStack open = new CloseStack();
  private final CublasLt.Descriptors descriptors;
  private final MemorySegment factors = Arena.ofAuto().allocateFrom(JAVA_FLOAT, 1, 0);
  private final MemorySegment algorithmBytes =
      Arena.ofAuto().allocate(CudaLayouts.MATMUL_ALGORITHM);
  private CublasLt.Algorithm algorithm;

  private MatmulPlan(long handle, MatmulDescription description) {
    this.handle = handle;
    this.description = description;
    try {
      this.descriptors = describe(description);
    } catch (RuntimeException | Error e) {
      open.closeAfter(e);
      throw e;
    }
  }

  /// Plans a product with the library's first algorithm that needs at most `workspace` bytes.
  public static MatmulPlan of(long handle, MatmulDescription description, long workspace) {
    var plan = new MatmulPlan(handle, description);
    try {
      var found = plan.algorithms(workspace, 1);
      if (found.isEmpty()) {
        throw new CudaException(
            "cuBLASLt",
            "cublasLtMatmulAlgoGetHeuristic",
            CudaException.UNSUPPORTED,
            "cuBLASLt " + CublasLt.version() + " has no algorithm for " + description);
      }
      plan.use(found.getFirst());
      return plan;
    } catch (RuntimeException | Error e) {
      plan.open.closeAfter(e);
      throw e;
    }
  }

  /// Plans a product with an algorithm of an earlier process on the same kind of device, or null
  /// where the library refuses it.
  public static MatmulPlan of(long handle, MatmulDescription description, String algorithm) {
    var plan = new MatmulPlan(handle, description);
    try {
      var checked = CublasLt.check(handle, plan.descriptors, algorithm);
      if (checked == null) {
        plan.close();
        return null;
      }
      plan.use(checked);
      return plan;
    } catch (RuntimeException | Error e) {
      plan.open.closeAfter(e);
      throw e;
    }
  }

  /// Up to `most` algorithms, the library's best guess first.
  public List<CublasLt.Algorithm> algorithms(long workspace, int most) {
    return CublasLt.heuristic(handle, descriptors, workspace, most);
  }

  /// Runs with this algorithm from now on.
  public void use(CublasLt.Algorithm chosen) {
    algorithm = chosen;
    CublasLt.write(chosen.code(), algorithmBytes);
  }

  /// The algorithm in use.
  public CublasLt.Algorithm algorithm() {
    return algorithm;
  }

  /// What this plan computes.
  public MatmulDescription description() {
    return description;
  }

  /// Device address of the bias, `columns` elements of [MatmulDescription#bias].
  public MatmulPlan bias(long address) {
    CublasLt.setOperation(descriptors.operation(), CublasLt.BIAS_POINTER, address);
    return this;
  }

  /// Device addresses of the scales of input and weight, by which their FP8 values are multiplied.
  public MatmulPlan scales(long ofInput, long ofWeight) {
    CublasLt.setOperation(descriptors.operation(), CublasLt.B_SCALE_POINTER, ofInput);
    CublasLt.setOperation(descriptors.operation(), CublasLt.A_SCALE_POINTER, ofWeight);
    return this;
  }

  /// Device address of the factor by which an FP8 output is multiplied before it is rounded.
  public MatmulPlan outputScale(long address) {
    CublasLt.setOperation(descriptors.operation(), CublasLt.D_SCALE_POINTER, address);
    return this;
  }

  /// Device address of a float that takes the largest magnitude of an FP8 output before scaling.
  public MatmulPlan outputMaximum(long address) {
    CublasLt.setOperation(descriptors.operation(), CublasLt.AMAX_D_POINTER, address);
    return this;
  }

  /// Runs the product in stream order, with `before` times what the output held added; `workspace`
  /// holds at least what the algorithm needs.
  public void run(long input, long weight, float before, long output, long workspace, long stream) {
    factors.setAtIndex(JAVA_FLOAT, 1, before);
    CublasLt.matmul(
        handle,
        descriptors,
        factors,
        weight,
        input,
        before == 0 ? 0 : output,
        output,
        algorithmBytes,
        workspace,
        algorithm.workspace(),
        stream);
  }

  @Override
  public void close() {
    open.close();
  }

  private CublasLt.Descriptors describe(MatmulDescription product) {
    refuseOld(product);
    var operation =
        open.add(
            CublasLt.createOperation(
                product.compute().code, MatmulDescription.Element.FLOAT32.code),
            CublasLt::destroyOperation);
    if (!product.weightByInner()) {
      CublasLt.setOperation(operation, CublasLt.INPUT_TRANSPOSED_A, TRANSPOSED);
    }
    CublasLt.setOperation(operation, CublasLt.EPILOGUE, product.epilogue().code);
    if (product.epilogue().biased()) {
      CublasLt.setOperation(operation, CublasLt.BIAS_TYPE, product.bias().code);
    }
    if (product.input() == Element.FLOAT8_E4M3) {
      CublasLt.setOperation(
          operation, CublasLt.FAST_ACCUMULATION, product.fastAccumulation() ? (byte) 1 : (byte) 0);
      setMode(operation, CublasLt.A_SCALE_MODE, CublasLt.A_SCALE_POINTER, product.weightScale());
      setMode(operation, CublasLt.B_SCALE_MODE, CublasLt.B_SCALE_POINTER, product.inputScale());
    }
    var type = product.input().code;
    // With an FP8 output the matrix that would be added has the bias's type.
    var added = product.output() == Element.FLOAT8_E4M3 ? Element.BFLOAT16 : product.output();
    var weight =
        product.weightByInner()
            ? layout(type, product.columns(), product.inner(), product.weightStride())
            : layout(type, product.inner(), product.columns(), product.weightStride());
    var descriptors =
        new CublasLt.Descriptors(
            operation,
            weight,
            layout(type, product.inner(), product.rows(), product.inputStride()),
            layout(added.code, product.columns(), product.rows(), product.outputStride()),
            layout(
                product.output().code, product.columns(), product.rows(), product.outputStride()));
    if (product.batch() > 1) {
      CublasLt.setBatch(descriptors.a(), product.batch(), product.weightBatch());
      CublasLt.setBatch(descriptors.b(), product.batch(), product.inputBatch());
      CublasLt.setBatch(descriptors.c(), product.batch(), product.outputBatch());
      CublasLt.setBatch(descriptors.d(), product.batch(), product.outputBatch());
    }
    return descriptors;
  }

  private long layout(int type, long rows, long columns, long stride) {
    return open.add(CublasLt.createLayout(type, rows, columns, stride), CublasLt::destroyLayout);
  }

  private static void setMode(long operation, int attribute, int pointer, Scale scale) {
    if (scale != Scale.TENSOR) { // the default, and the only one that older libraries know
      CublasLt.setOperation(operation, attribute, scale.code);
      // The library looks for algorithms only where there are scales; each run brings its own.
      CublasLt.setOperation(operation, pointer, PLACEHOLDER);
    }
  }

  private static void refuseOld(MatmulDescription product) {
    var scaled = product.inputScale() != Scale.TENSOR || product.weightScale() != Scale.TENSOR;
    var absence = scaled ? CublasLt.vectorScalesAbsence() : null;
    if (absence != null) {
      throw new CudaException(
          "cuBLASLt", "cublasLtMatmulDescSetAttribute", CudaException.UNSUPPORTED, absence);
    }
  }
}
