package wan4j.pipeline;

import java.util.List;
import wan4j.model.Timesteps;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// What a task gives the network beside the noisy sample, all on the backend: a task differs from
/// another in nothing else.
public sealed interface Conditioning {
  /// Returns the latents that enter the network, each `[channels, frames, height, width]`, the
  /// sample first.
  List<Tensor> latents(Tensor sample);

  /// Returns the timesteps of the tokens at a step.
  Timesteps timesteps(int timestep);

  /// Puts what is given back into the sample: before the first step and after each.
  void constrain(Ops ops, Tensor sample);

  /// Text alone: every token has the step's timestep; int32 `rows [tokens]` are zeros.
  record Free(Tensor rows) implements Conditioning {
    @Override
    public List<Tensor> latents(Tensor sample) {
      return List.of(sample);
    }

    @Override
    public Timesteps timesteps(int timestep) {
      return new Timesteps(new double[] {timestep}, rows);
    }

    @Override
    public void constrain(Ops ops, Tensor sample) {}
  }

  /// Latents of a picture and their mask, `condition [20, frames, height, width]`, enter beside the
  /// sample.
  record Beside(Tensor condition, Tensor rows) implements Conditioning {
    @Override
    public List<Tensor> latents(Tensor sample) {
      return List.of(sample, condition);
    }

    @Override
    public Timesteps timesteps(int timestep) {
      return new Timesteps(new double[] {timestep}, rows);
    }

    @Override
    public void constrain(Ops ops, Tensor sample) {}
  }

  /// The first latent frame `[channels, 1, height, width]` is given: its tokens have timestep 0
  /// (row 0 of the two in `rows [tokens]`), the others the step's.
  record FirstFrame(Tensor frame, Tensor rows) implements Conditioning {
    @Override
    public List<Tensor> latents(Tensor sample) {
      return List.of(sample);
    }

    @Override
    public Timesteps timesteps(int timestep) {
      return new Timesteps(new double[] {0, timestep}, rows);
    }

    @Override
    public void constrain(Ops ops, Tensor sample) {
      for (int channel = 0; channel < sample.length(0); channel++) {
        ops.copy(frame.at(channel), sample.at(channel).slice(0, 1));
      }
    }
  }
}
