package wan4j.pipeline;

import java.util.List;
import wan4j.tensor.Tensor;

/// What networks make of a request once, in host memory.
///
/// @param positive the text states of its prompt, float32 `[words, text dim]`
/// @param negative those of its negative prompt
/// @param source what [Course#source] makes of what the video is made from beside them; null for
///   nothing
/// @param later those of the prompts of the clips from the second on, of which the last is the
///   rest's too; empty where all have one
public record Prompts(Tensor positive, Tensor negative, Tensor source, List<Tensor> later) {
  /// Copies the list.
  public Prompts {
    later = List.copyOf(later);
  }

  /// Creates the states of a request whose clips have one prompt.
  public Prompts(Tensor positive, Tensor negative, Tensor source) {
    this(positive, negative, source, List.of());
  }

  /// Creates the states of a request that is made from its prompts alone.
  public Prompts(Tensor positive, Tensor negative) {
    this(positive, negative, null);
  }

  /// Returns what a clip has of them, by its number from 0.
  Prompts of(int clip) {
    Tensor own =
        clip == 0 || later.isEmpty() ? positive : later.get(Math.min(clip, later.size()) - 1);
    return new Prompts(own, negative, source);
  }
}
