package wan4j.cuda;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.CudnnAttention;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.device.LibraryWorkspace;
import wan4j.ops.Heads;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.Tensor;

/// Attention in bfloat16 through cuDNN's fused engines, planned once a shape.
final class FusedAttention implements AutoCloseable {
  private record Key(CudnnAttention.Sizes sizes, float scale) {}

  /// A plan, or null where the library has none.
  private record Planned(CudnnAttention attention) {}

  private final LibraryWorkspace workspace;
  private final Map<Key, Planned> plans = new HashMap<>();

  FusedAttention(LibraryWorkspace workspace) {
    this.workspace = workspace;
  }

  /// Writes softmax(q kᵀ scale) v to `target`; returns false, having done nothing, where the
  /// library does not take these tensors.
  boolean run(Heads heads, double scale, Tensor target) {
    Tensor query = heads.query();
    int size = query.length(2);
    if (!DeviceRules.isFusedAttention(query.dtype(), size)) {
      return false;
    }
    Key key =
        new Key(
            CudnnAttention.Sizes.dense(
                query.length(0), heads.key().length(0), query.length(1), size),
            (float) scale);
    CudnnAttention attention = plans.computeIfAbsent(key, this::plan).attention;
    if (attention == null) {
      return false;
    }
    attention.run(
        DeviceStorage.address(query),
        DeviceStorage.address(heads.key()),
        DeviceStorage.address(heads.value()),
        DeviceStorage.address(target),
        workspace.address(attention.workspace()));
    return true;
  }

  private Planned plan(Key key) {
    try {
      return new Planned(
          CudnnAttention.of(workspace.handle(), key.sizes, key.scale, LibraryWorkspace.MOST));
    } catch (CudaException e) {
      if (!e.isNotSupported()) {
        throw e;
      }
      return new Planned(null); // no engine for this shape: ProductAttention takes it
    }
  }

  @Override
  public void close() {
    for (Planned planned : plans.values()) {
      if (planned.attention != null) {
        planned.attention.close();
      }
    }
  }
}
