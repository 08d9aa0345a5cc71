package wan4j.pipeline;

import wan4j.tensor.Tensor;

/// One of the clips that a request is made of, one after another.
///
/// @param index its number from 0
/// @param before the last frames made before it, as many as its course remembers and there are, as
///   they were decoded: float32 `[3, frames, height, width]` in [-1, 1], in host memory; null for
///   none
public record Clip(int index, Tensor before) {
  /// The first clip.
  public static final Clip FIRST = new Clip(0, null);
}
