package wan4j.cuda;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.cuda.device.Device;
import wan4j.tensor.DType;

/// Matrix products through cuBLASLt: each shape is planned once with the algorithm of a table or
/// else the library's first, which never depends on timing, and shares one workspace.
public final class MatrixProducts implements AutoCloseable {
  /// The bytes of the workspace.
  static final long WORKSPACE = 64L << 20; // what cuBLASLt's Hopper kernels ask for at most

  private final Device device;
  private final Algorithms algorithms;
  private final long handle;
  private final long workspace;
  private final Map<MatmulDescription, MatmulPlan> plans = new HashMap<>();
  private final Set<MatmulDescription> refused = new HashSet<>();

  MatrixProducts(Device device, Algorithms algorithms) {
    this.device = device;
    this.algorithms = algorithms;
    workspace = device.heap().take(WORKSPACE);
    handle = CublasLt.create();
  }

  /// Returns the library's type of an element type.
  static MatmulDescription.Element type(DType dtype) {
    return switch (dtype) {
      case F32 -> MatmulDescription.Element.FLOAT32;
      case BF16 -> MatmulDescription.Element.BFLOAT16;
      case F16 -> MatmulDescription.Element.FLOAT16;
      case F8_E4M3 -> MatmulDescription.Element.FLOAT8_E4M3;
      case F64, F8_E5M2, I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalArgumentException("got " + dtype + ", expected a type of matrix units");
    };
  }

  /// Says whether the library has an algorithm for a product, planning it on the way.
  public boolean isSupported(MatmulDescription description) {
    if (plans.containsKey(description)) {
      return true;
    }
    if (refused.contains(description)) {
      return false;
    }
    try {
      plan(description);
      return true;
    } catch (CudaException e) {
      if (!e.isNotSupported()) {
        throw e;
      }
      refused.add(description);
      return false;
    }
  }

  /// Returns a product's plan; throws `CudaException` when the library has no algorithm for it.
  MatmulPlan plan(MatmulDescription description) {
    MatmulPlan plan = plans.get(description);
    if (plan == null) {
      plan = make(description);
      plans.put(description, plan);
    }
    return plan;
  }

  private MatmulPlan make(MatmulDescription description) {
    device.context().enter();
    String known = algorithms.algorithm(description);
    MatmulPlan plan = known == null ? null : known(description, known);
    return plan == null ? first(description) : plan;
  }

  /// Makes a plan with an algorithm of an earlier process, which the caller closes, or null where
  /// the library refuses it or it needs more than the workspace.
  public MatmulPlan known(MatmulDescription description, String algorithm) {
    MatmulPlan plan = MatmulPlan.of(handle, description, algorithm);
    if (plan != null && plan.algorithm().workspace() > WORKSPACE) {
      plan.close();
      return null;
    }
    return plan;
  }

  /// Makes a plan with the library's first algorithm, which the caller closes; throws
  /// `CudaException` when there is none.
  public MatmulPlan first(MatmulDescription description) {
    return MatmulPlan.of(handle, description, WORKSPACE);
  }

  /// Returns up to `most` algorithms for a product, the library's best guess first.
  public List<CublasLt.Algorithm> candidates(MatmulPlan plan, int most) {
    return plan.algorithms(WORKSPACE, most);
  }

  /// Queues a product whose plan has its pointers.
  public void run(MatmulPlan plan, long input, long weight, long output) {
    run(plan, input, weight, 0, output);
  }

  /// Queues a product whose plan has its pointers, with `before` times what the output held added.
  public void run(MatmulPlan plan, long input, long weight, float before, long output) {
    device.begin();
    plan.run(input, weight, before, output, workspace, device.stream());
  }

  @Override
  public void close() {
    plans.values().forEach(MatmulPlan::close);
    device.context().release(() -> CublasLt.destroy(handle));
    device.heap().give(workspace);
  }
}
