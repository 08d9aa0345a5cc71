package wan4j.model;

import java.util.Arrays;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Lets the sound of a clip into the stream after a block: each token of the sample is shifted and
/// scaled by the sound of its latent frame and attends to the few tokens of it (Wan-Video/Wan2.2 at
/// 42bf4cf, wan/modules/s2v/model_s2v.py, `after_transformer_block`). Tokens that are not of the
/// sample have a group of their own, which closes the clip's and changes nothing, so that it does
/// not matter which tokens a rank has.
public final class AudioInjector {
  private static final double EPSILON = 1e-5; // of diffusers' AdaLayerNorm

  private final Ops ops;
  private final int heads;
  private final int headSize;
  private final double scale;
  private final int soundTokens; // of a latent frame

  private final Linear modulation;
  private final Tensor table; // [2, dim], zeros: shift and scale come from the sound alone
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Tensor queryNorm;
  private final Tensor keyNorm;
  private final Linear out;

  /// Which latent frame's sound each token hears: one group for each frame, and a last one for
  /// tokens that hear none.
  ///
  /// @param rows int32 `[tokens]`, each token's group
  /// @param gate float32 `[groups, dim]`, 0 for the last group and 1 for all others
  /// @param closed float32 `[1, dim]`, the scale -1, which makes the last group's tokens zeros
  public record Groups(Tensor rows, Tensor gate, Tensor closed) {
    /// Returns the groups of so many latent frames in the innermost scope.
    public static Groups of(Ops ops, Tensor rows, int frames, int dim) {
      float[] gate = new float[(frames + 1) * dim];
      Arrays.fill(gate, 0, frames * dim, 1);
      float[] closed = new float[dim];
      Arrays.fill(closed, -1);
      return new Groups(
          rows,
          ops.upload(Tensor.of(gate, frames + 1L, dim), DType.F32),
          ops.upload(Tensor.of(closed, 1, dim), DType.F32));
    }
  }

  /// What the sound of a branch gives one injector; the last group is that of the other tokens.
  ///
  /// @param shift float32 `[groups, dim]`
  /// @param scale float32 `[groups, dim]`, -1 for the last group
  /// @param keys `[groups tokens, heads, head size]`, zeros for the last group
  /// @param values like the keys
  public record Heard(Tensor shift, Tensor scale, Tensor keys, Tensor values) {}

  /// Loads the injector of a number.
  AudioInjector(
      TransformerConfig config, Weights injectors, int index, Ops ops, LayerLoader layers) {
    this.ops = ops;
    heads = config.heads();
    headSize = config.headDim();
    scale = 1 / Math.sqrt(headSize);
    soundTokens = config.speech().soundTokens() + 1;
    int dim = config.dim();
    var parameters = layers.parameters();

    modulation =
        layers.linear(injectors.at("injector_adain_layers").at(index), "linear", 2L * dim, dim);
    table =
        parameters.tensor(
            TensorSource.of("zeros", Tensor.of(new float[2 * dim], 2, dim)), DType.F32);
    Weights attention = injectors.at("injector").at(index);
    query = layers.linear(attention, "q", dim, dim);
    key = layers.linear(attention, "k", dim, dim);
    value = layers.linear(attention, "v", dim, dim);
    queryNorm = parameters.tensor(attention.tensor("norm_q.weight", dim), DType.F32);
    keyNorm = parameters.tensor(attention.tensor("norm_k.weight", dim), DType.F32);
    out = layers.linear(attention, "o", dim, dim);
  }

  /// Returns room in the innermost scope for the sound of so many latent frames.
  public Heard empty(int frames) {
    long groups = frames + 1L;
    long dim = (long) heads * headSize;
    return new Heard(
        ops.empty(DType.F32, groups, dim),
        ops.empty(DType.F32, groups, dim),
        ops.empty(ops.activation(), groups * soundTokens, heads, headSize),
        ops.empty(ops.activation(), groups * soundTokens, heads, headSize));
  }

  /// Writes what a branch's sound gives.
  public void read(CausalAudioEncoder.Encoded sound, Groups groups, Branch branch, Heard target) {
    int frames = sound.global().length(0);
    int dim = heads * headSize;
    try (var _ = ops.scope()) {
      Tensor silu = ops.activate(sound.global(), Activation.SILU);
      Tensor made = ops.empty(DType.F32, frames, 2L * dim);
      ops.linear(ops.operand(silu, modulation.input(branch)), modulation, made);
      Tensor parts = ops.modulation(table, made); // [2, frames, dim]: shift, then scale
      ops.copy(parts.at(0), target.shift().slice(0, frames));
      ops.clear(target.shift().slice(frames, 1));
      ops.copy(parts.at(1), target.scale().slice(0, frames));
      ops.copy(groups.closed(), target.scale().slice(frames, 1));

      long rows = (long) frames * soundTokens;
      Tensor tokens = sound.local().reshape(rows, dim);
      Tensor k = ops.linear(ops.operand(tokens, key.input(branch)), key, Activation.NONE);
      k = ops.rmsNorm(k, keyNorm, WanBlock.EPSILON, OperandFormat.Simple.PLAIN).values();
      ops.copy(k, target.keys().slice(0, rows).reshape(rows, dim));
      ops.clear(target.keys().slice(rows, soundTokens));
      Operand again = ops.operand(tokens, value.input(branch));
      ops.linear(again, value, target.values().slice(0, rows).reshape(rows, dim));
      ops.clear(target.values().slice(rows, soundTokens));
    }
  }

  /// Adds what the tokens hear to a stream.
  public void forward(ResidualStream x, Heard sound, Groups groups, Branch branch) {
    try (var _ = ops.scope()) {
      Operand h =
          x.modulatedNorm(
              sound.shift(), sound.scale(), groups.rows(), EPSILON, query.input(branch));
      Tensor q = ops.linear(h, query, Activation.NONE);
      q = ops.rmsNorm(q, queryNorm, WanBlock.EPSILON, OperandFormat.Simple.PLAIN).values();
      Heads few = new Heads(q.reshape(x.tokens(), heads, headSize), sound.keys(), sound.values());
      Operand a = ops.groupedAttention(few, groups.rows(), soundTokens, scale, out.input(branch));
      ops.linear(a, out, x.delta());
      x.add(groups.gate(), groups.rows());
    }
  }
}
