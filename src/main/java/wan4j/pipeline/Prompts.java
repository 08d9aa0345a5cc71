package wan4j.pipeline;

import wan4j.tensor.Tensor;

/// What networks make of a request once, in host memory.
///
/// @param positive the text states of its prompt, float32 `[words, text dim]`
/// @param negative those of its negative prompt
/// @param source what [Course#source] makes of what the video is made from beside them; null for
///   nothing
public record Prompts(Tensor positive, Tensor negative, Tensor source) {
  /// Creates the states of a request that is made from its prompts alone.
  public Prompts(Tensor positive, Tensor negative) {
    this(positive, negative, null);
  }
}
