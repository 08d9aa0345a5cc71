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
/// @param beginning the latent frames that it begins with, or null for none
public record Conditioning(Conditions conditional, Conditions unconditional, Beginning beginning) {
  /// Creates a conditioning whose branches differ in their prompts alone; `beside` are latents that
  /// enter stacked on the sample.
  public static Conditioning of(Prompts prompts, List<Tensor> beside, Beginning beginning) {
    int frames = beginning instanceof Beginning.Held held ? held.latents().length(1) : 0;
    return new Conditioning(
        new Conditions.Scene(prompts.positive(), beside, frames),
        new Conditions.Scene(prompts.negative(), beside, frames),
        beginning);
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
    if (beginning != null) {
      beginning.put(ops, sample);
    }
  }
}
