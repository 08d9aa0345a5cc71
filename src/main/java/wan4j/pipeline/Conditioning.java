package wan4j.pipeline;

import java.util.List;
import wan4j.model.Conditions;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;

/// What a clip is made from beside noise: a task differs from another in nothing else.
///
/// @param conditional what the forwards for the prompt are given
/// @param unconditional what the forwards for the negative prompt are given
/// @param given latent frames `[channels, frames, height, width]` on the backend with which the
///   sample begins as they are, or null for none
public record Conditioning(Conditions conditional, Conditions unconditional, Tensor given) {
  /// Creates a conditioning whose branches differ in their prompts alone; `beside` are latents that
  /// enter stacked on the sample.
  public static Conditioning of(Prompts prompts, List<Tensor> beside, Tensor given) {
    int frames = given == null ? 0 : given.length(1);
    return new Conditioning(
        new Conditions.Scene(prompts.positive(), beside, frames),
        new Conditions.Scene(prompts.negative(), beside, frames),
        given);
  }

  /// Returns what the forwards of a branch are given.
  public Conditions of(Branch branch) {
    return switch (branch) {
      case CONDITIONAL -> conditional;
      case UNCONDITIONAL -> unconditional;
    };
  }

  /// Puts what is given back into a sample: before the first step and after each.
  public void constrain(Ops ops, Tensor sample) {
    if (given == null) {
      return;
    }
    for (int channel = 0; channel < sample.length(0); channel++) {
      ops.copy(given.at(channel), sample.at(channel).slice(0, given.length(1)));
    }
  }
}
