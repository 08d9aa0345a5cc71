package wan4j.ops.backend;

import java.util.IdentityHashMap;
import wan4j.ops.Linear;

/// What hangs beside which linear layer of a backend.
public final class SideLayers {
  private final IdentityHashMap<Linear, SideStack> stacks = new IdentityHashMap<>();

  /// Returns what hangs beside a layer, or null.
  public SideStack of(Linear layer) {
    return stacks.get(layer);
  }

  /// Hangs branches beside a layer, in place of any that hung there.
  public void hang(Linear layer, SideStack stack) {
    stacks.put(layer, stack);
  }

  /// Takes away what hangs beside a layer, if it is still the same.
  public void take(Linear layer, SideStack stack) {
    stacks.remove(layer, stack);
  }
}
