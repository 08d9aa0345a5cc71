package wan4j;

import java.util.Objects;
import wan4j.tensor.Tensor;

/// A sampled video before it is decoded: float32 `[channels, frames, height, width]` in host
/// memory.
public record Latents(Tensor values) {
  /// Requires the tensor; null is refused by name, with a `NullPointerException`.
  public Latents {
    Objects.requireNonNull(values, "values");
  }
}
