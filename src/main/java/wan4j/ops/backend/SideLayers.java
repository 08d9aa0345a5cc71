package wan4j.ops.backend;

import java.util.IdentityHashMap;
import wan4j.ops.Linear;

/// The adapters of the linear layers of a backend.
public final class SideLayers {
  private final IdentityHashMap<Linear, SideStack> stacks = new IdentityHashMap<>();

  /// Returns the adapters of a layer, or null.
  public SideStack of(Linear layer) {
    return stacks.get(layer);
  }

  /// Gives a layer adapters, in place of any that it had.
  public void attach(Linear layer, SideStack stack) {
    stacks.put(layer, stack);
  }

  /// Takes a layer's adapters away, if they are still these.
  public void detach(Linear layer, SideStack stack) {
    stacks.remove(layer, stack);
  }
}
