package wan4j.model;

import java.util.List;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.Saveable;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.quant.Branch;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.lora.LoraApplication;

/// What the sampling loop needs of a network that predicts velocities. Which tokens and which
/// rotations a rank has is between the network and its group. What is saved of a network is what
/// its forwards have left behind: the histories of delayed scaling.
public interface DiffusionNetwork extends Saveable, AutoCloseable {
  /// What a clip's forwards have in common, such as the keys and values of its text: room that one
  /// network makes and all networks of the same sizes fill and use in turn.
  interface Prepared {
    /// Returns the shape `[tokens, dim]` of what passes through the blocks on this rank.
    Shape tokens();
  }

  /// Loads the network of a checkpoint's type onto a backend for one rank; see the other form.
  static DiffusionNetwork load(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions) {
    return load(config, weights, ops, group, precisions, WeightSharing.NONE);
  }

  /// Loads the network of a checkpoint's type onto a backend, as ranks share its weights; every
  /// name and shape is checked against `config` first. Throws `InputException` when the weights do
  /// not fit.
  static DiffusionNetwork load(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions,
      WeightSharing sharing) {
    return switch (config.modelType()) {
      case "t2v", "i2v", "ti2v" ->
          new WanTransformer(config, weights, ops, group, precisions, sharing);
      case "s2v" -> new SpeechTransformer(config, weights, ops, group, precisions, sharing);
      case "animate" -> new CharacterTransformer(config, weights, ops, group, precisions, sharing);
      default ->
          throw new InputException(
              "%s holds a network of type %s; expected t2v, i2v, ti2v, s2v or animate"
                  .formatted(weights.title(), config.modelType()));
    };
  }

  /// Returns, in the innermost scope, room for what forwards over samples `[channels, frames,
  /// height, width]` have in common, with all that does not depend on a branch; `conditions` are
  /// those of either.
  Prepared prepare(Shape sample, Conditions conditions);

  /// Writes what this network makes of a branch's conditions over what another one made of them.
  /// The first time takes room in the innermost scope.
  void read(Conditions conditions, Branch branch, Prepared target);

  /// Returns the velocity of float32 latents `sample [channels, frames, height, width]`, of the
  /// same size, in the innermost scope; `pass` tells which of the request's forwards this is, and
  /// `through` what takes the tokens through the blocks.
  Tensor forward(
      Tensor sample, double timestep, ForwardPass pass, Prepared prepared, BlockRun through);

  /// Returns the sizes of the network.
  TransformerConfig config();

  /// Returns the linear layers in the order in which they were loaded.
  List<LinearGroup> linearLayers();

  /// Lets LoRA files run beside the weights from now on, instead of those that did before; the
  /// weights stay as they are. Throws `InputException` when a file does not belong to the network.
  void adapt(List<LoraApplication> applications);

  /// Forgets what forwards have left behind, so that the next clip starts as the first one did.
  void restart();

  /// Waits until no weights of other ranks are copied; until the next forward none are.
  void rest();

  /// Returns the bytes that the weights fill on the backend.
  long bytes();

  /// Frees the weights.
  @Override
  void close();
}
