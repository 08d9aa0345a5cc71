package wan4j.cuda;

import java.util.IdentityHashMap;
import java.util.List;
import wan4j.tensor.Tensor;

/// What hangs beside which linear layer.
final class SideLayers {
  /// What runs beside a layer: its bias as it is now, or null, and chains of weights `[outputs,
  /// inputs]` whose products are added to the layer's before the bias and the function that
  /// follows.
  record Side(Tensor bias, List<List<Tensor>> chains) {}

  private final IdentityHashMap<CudaLinear, Side> sides = new IdentityHashMap<>();

  /// Returns what hangs beside a layer, or null.
  Side of(CudaLinear layer) {
    return sides.get(layer);
  }

  /// Hangs branches beside a layer.
  void hang(CudaLinear layer, Side side) {
    sides.put(layer, side);
  }

  /// Takes away what hangs beside a layer, if it is still the same.
  void take(CudaLinear layer, Side side) {
    sides.remove(layer, side);
  }
}
