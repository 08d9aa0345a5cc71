package wan4j;

import wan4j.tensor.Tensor;

/// A sampled video before it is decoded: float32 `[channels, frames, height, width]` in host
/// memory.
public record Latents(Tensor values) {}
