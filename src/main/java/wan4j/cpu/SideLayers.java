package wan4j.cpu;

import java.util.IdentityHashMap;
import java.util.List;
import wan4j.tensor.Tensor;

/// What hangs beside which linear layer.
final class SideLayers {
  /// What runs beside a layer: its bias as it is now, and chains of layers without bias whose
  /// results are added to the product before the function that follows.
  record Side(Tensor bias, List<List<CpuLinear>> chains) {}

  private final IdentityHashMap<CpuLinear, Side> sides = new IdentityHashMap<>();

  /// Returns what hangs beside a layer, or null.
  Side of(CpuLinear layer) {
    return sides.get(layer);
  }

  /// Hangs branches beside a layer.
  void hang(CpuLinear layer, Side side) {
    sides.put(layer, side);
  }

  /// Takes away what hangs beside a layer, if it is still the same.
  void take(CpuLinear layer, Side side) {
    sides.remove(layer, side);
  }
}
