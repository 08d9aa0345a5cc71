package wan4j.model;

import java.util.List;
import wan4j.tensor.Tensor;

/// What one guidance branch of a clip gives a network beside the noisy sample; it is the same in
/// every step.
///
/// @param text the text states of the branch's prompt, float32 `[words, text dim]` in host memory
/// @param beside latents `[channels, frames, height, width]` on the backend that enter stacked on
///   the sample's channels
/// @param givenFrames how many latent frames of the sample, from the first on, are given as they
///   are: their tokens have timestep 0
public record Conditions(Tensor text, List<Tensor> beside, int givenFrames) {
  /// Copies the list.
  public Conditions {
    beside = List.copyOf(beside);
  }
}
