package wan4j.pipeline;

import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// The latent frames that a clip begins with, `[channels, frames, height, width]` on the backend.
public sealed interface Beginning {
  /// Puts into a sample what stands in it as it is: before the first step and after each.
  void put(Ops ops, Tensor sample);

  /// They are the sample's first frames, as they are, and their tokens have timestep 0.
  record Held(Tensor latents) implements Beginning {
    @Override
    public void put(Ops ops, Tensor sample) {
      for (int channel = 0; channel < sample.length(0); channel++) {
        ops.copy(latents.at(channel), sample.at(channel).slice(0, latents.length(1)));
      }
    }
  }

  /// The network sees them beside the sample, in which it makes frames of its own of them.
  record Seen(Tensor latents) implements Beginning {
    @Override
    public void put(Ops ops, Tensor sample) {}
  }
}
