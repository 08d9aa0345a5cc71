package wan4j.ops;

import wan4j.tensor.Tensor;

/// What a layer made for the residual stream and is still to be added to it.
///
/// @param values activation type, `[tokens, dim]`
/// @param gate what they are multiplied by, float32 `[groups, dim]`; null for nothing
/// @param rows each token's group, int32 `[tokens]`; null without a gate
public record Change(Tensor values, Tensor gate, Tensor rows) {
  /// Returns values that are added as they are.
  public static Change of(Tensor values) {
    return new Change(values, null, null);
  }

  /// Says whether the values are multiplied.
  public boolean isGated() {
    return gate != null;
  }
}
