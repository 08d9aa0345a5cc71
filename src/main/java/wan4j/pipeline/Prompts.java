package wan4j.pipeline;

import wan4j.tensor.Tensor;

/// The text states of a prompt and of its negative, float32 `[words, text dim]` each, in host
/// memory.
public record Prompts(Tensor positive, Tensor negative) {}
