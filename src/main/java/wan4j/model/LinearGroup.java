package wan4j.model;

import java.util.List;
import wan4j.quant.Precision;

/// Linear layers that are loaded as one, their outputs one after the other.
///
/// @param layers their names in the original checkpoint, such as `blocks.0.self_attn.q`
/// @param precision in which arithmetic they run
public record LinearGroup(List<String> layers, Precision precision) {
  /// Copies the names.
  public LinearGroup {
    layers = List.copyOf(layers);
  }
}
