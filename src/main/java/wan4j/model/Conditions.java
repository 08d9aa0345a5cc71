package wan4j.model;

import java.util.List;
import wan4j.tensor.Tensor;

/// What one guidance branch of a clip gives a network beside the noisy sample; it is the same in
/// every step. Each kind of network has a kind of conditions.
public sealed interface Conditions {
  /// Returns the text states of the branch's prompt, float32 `[words, text dim]` in host memory.
  Tensor text();

  /// What the network of text, image and text+image to video is given.
  ///
  /// @param text the text states
  /// @param beside latents `[channels, frames, height, width]` on the backend that enter stacked on
  ///   the sample's channels
  /// @param givenFrames how many latent frames of the sample, from the first on, are given as they
  ///   are: their tokens have timestep 0
  record Scene(Tensor text, List<Tensor> beside, int givenFrames) implements Conditions {
    /// Copies the list.
    public Scene {
      beside = List.copyOf(beside);
    }
  }

  /// What the network of speech to video is given.
  ///
  /// @param text the text states
  /// @param sound all hidden states of the speech network for each frame of the clip, the frames
  ///   before the clip included: float32 `[layers, channels, frames]` in host memory; or `[1,
  ///   channels, frames]`, mixed already as `CausalAudioEncoder.mix` says
  /// @param reference the latent of the picture of the subject, float32 `[channels, 1, height,
  ///   width]` on the backend
  /// @param motion the latents of the frames before the clip, float32 `[channels, frames, height,
  ///   width]` on the backend
  /// @param seesMotion whether the network sees them; the first clip's does not, unless it begins
  ///   with the picture
  /// @param pose the latents of the drawn poses of the clip's frames, float32 like the sample, on
  ///   the backend; null for none
  record Speech(
      Tensor text, Tensor sound, Tensor reference, Tensor motion, boolean seesMotion, Tensor pose)
      implements Conditions {}

  /// What the network of character animation is given.
  ///
  /// @param text the text states
  /// @param picture what the image network makes of the character's picture: float32 `[image
  ///   tokens, image dim]` in host memory
  /// @param beside mask and latents that enter stacked on the sample's channels, float32
  ///   `[channels, frames, height, width]` on the backend
  /// @param pose the latents of the drawn poses, float32 `[channels, frames - 1, height, width]` on
  ///   the backend
  /// @param faces the driving faces, one for each frame of the clip: unsigned bytes `[frames,
  ///   height, width, 3]` in host memory
  record Animation(Tensor text, Tensor picture, Tensor beside, Tensor pose, Tensor faces)
      implements Conditions {}
}
