package wan4j.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.ForwardPass;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// What all diffusion transformers of Wan2.2 have in common: the embeddings of patches, timesteps
/// and text, the blocks and the head (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/model.py).
public final class TransformerCore {
  private final TransformerConfig config;
  private final Ops ops;
  private final SequenceGroup group;

  private final Linear patchEmbedding;
  private final Linear textIn;
  private final Linear textOut;
  private final Linear timeIn;
  private final Linear timeOut;
  private final Linear timeProjection;
  private final Parameters parameters;
  private final List<WanBlock> blocks;
  private final Tensor headModulation;
  private final Linear head;

  /// Loads its weights onto a backend, whose order and names are the checkpoint's.
  TransformerCore(
      TransformerConfig config, Weights weights, Ops ops, SequenceGroup group, LayerLoader layers) {
    this.config = config;
    this.ops = ops;
    this.group = group;
    int dim = config.dim();

    patchEmbedding = layers.linear(weights, "patch_embedding", dim, config.patchInputs());
    textIn = layers.linear(weights, "text_embedding.0", dim, config.textDim());
    textOut = layers.linear(weights, "text_embedding.2", dim, dim);
    timeIn = layers.linear(weights, "time_embedding.0", dim, config.frequencyDim());
    timeOut = layers.linear(weights, "time_embedding.2", dim, dim);
    timeProjection = layers.linear(weights, "time_projection.1", 6L * dim, dim);
    parameters = layers.parameters();
    blocks =
        parameters.blocks(
            config.layers(), i -> new WanBlock(config, weights.at("blocks").at(i), ops, layers));
    headModulation =
        parameters.tensor(weights.tensor("head.modulation", 1, 2, dim), DType.F32).reshape(2, dim);
    head = layers.linear(weights, "head.head", config.patchOutputs(), dim);
  }

  /// Returns room in the innermost scope for the keys and values of one prompt.
  public TextKeys emptyText() {
    return emptyKeys(config.textLength());
  }

  /// Returns room in the innermost scope for what every block has for a context of so many tokens.
  TextKeys emptyKeys(int length) {
    List<Tensor> keys = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      keys.add(emptyHeads(length));
      values.add(emptyHeads(length));
    }
    return new TextKeys(keys, values);
  }

  private Tensor emptyHeads(int length) {
    return ops.empty(ops.activation(), length, config.heads(), config.headDim());
  }

  /// Writes the keys and values that a branch's text states `[words, text dim]` (float32, on the
  /// backend) give every block; the states are padded with zeros to the text length, and the
  /// padding is attended to as in the reference.
  public void text(Tensor states, Branch branch, TextKeys target) {
    try (var _ = ops.scope()) {
      Tensor padded = ops.empty(DType.F32, config.textLength(), config.textDim());
      ops.clear(padded);
      ops.copy(states, padded.slice(0, states.length(0)));
      Operand words = ops.operand(padded, textIn.input(Branch.CONDITIONAL));
      Operand hidden =
          ops.linear(words, textIn, Activation.GELU_TANH, textOut.input(Branch.CONDITIONAL));
      Tensor text = ops.linear(hidden, textOut, Activation.NONE); // [text length, dim]
      read(text, WanBlock::text, branch, target);
    }
  }

  /// Writes the keys and values that a branch's picture `[image tokens, dim]` gives every block.
  void picture(Tensor tokens, Branch branch, TextKeys target) {
    read(tokens, WanBlock::picture, branch, target);
  }

  private void read(
      Tensor context, Function<WanBlock, ContextLayers> part, Branch branch, TextKeys target) {
    int length = context.length(0);
    int dim = config.dim();
    for (int i = 0; i < blocks.size(); i++) {
      parameters.use(i);
      part.apply(blocks.get(i))
          .read(
              context,
              branch,
              target.keys().get(i).reshape(length, dim),
              target.values().get(i).reshape(length, dim));
    }
  }

  /// Returns the keys and values of a prompt's text states, as the other form writes them, in the
  /// innermost scope.
  public TextKeys text(Tensor states, Branch branch) {
    TextKeys target = emptyText();
    text(states, branch, target);
    return target;
  }

  /// Returns the tokens of latents, each float32 `[channels, frames, height, width]` and stacked
  /// along channels, in the residual type: `[tokens, dim]` in the innermost scope.
  Tensor embed(List<Tensor> latents) {
    int tokens = LatentGrid.of(latents.getFirst().shape()).tokens();
    Tensor x = ops.empty(ops.residual(), tokens, config.dim());
    embed(latents, x);
    return x;
  }

  /// Writes the tokens of latents to `target [tokens, dim]`.
  void embed(List<Tensor> latents, Tensor target) {
    try (var _ = ops.scope()) {
      Operand patches = ops.patchify(latents, patchEmbedding.input(Branch.CONDITIONAL));
      ops.copy(ops.linear(patches, patchEmbedding, Activation.NONE), target);
    }
  }

  /// Returns the embedding of the distinct timesteps, float32 `[distinct, dim]`.
  public Tensor time(Timesteps timesteps) {
    Tensor embedding = ops.empty(DType.F32, timesteps.distinct().length, config.dim());
    try (var _ = ops.scope()) {
      Tensor sinusoid = ops.upload(timesteps.sinusoid(config.frequencyDim()), DType.F32);
      Operand waves = ops.operand(sinusoid, timeIn.input(Branch.CONDITIONAL));
      Operand hidden =
          ops.linear(waves, timeIn, Activation.SILU, timeOut.input(Branch.CONDITIONAL));
      ops.copy(ops.linear(hidden, timeOut, Activation.NONE), embedding);
    }
    return embedding;
  }

  /// Returns in which format each layer's self-attention takes its input in a forward.
  List<AttentionFormat> formats(ForwardPass pass) {
    return IntStream.range(0, blocks.size()).mapToObj(layer -> group.format(pass, layer)).toList();
  }

  /// Returns, in the innermost scope, how a time embedding modulates each block: float32 `[6,
  /// distinct, dim]`.
  public List<Tensor> modulations(Tensor time) {
    Tensor silu = ops.activate(time, Activation.SILU);
    Operand activated = ops.operand(silu, timeProjection.input(Branch.CONDITIONAL));
    Tensor projected = ops.linear(activated, timeProjection, Activation.NONE); // [distinct, 6 dim]
    return blocks.stream().map(block -> block.modulation(projected)).toList();
  }

  /// Returns the stream of tokens `x [tokens, dim]`, which blocks change in place.
  public ResidualStream stream(Tensor x, Timesteps timesteps) {
    return new ResidualStream(ops, x, timesteps.rows());
  }

  /// Returns a block.
  public WanBlock block(int index) {
    return blocks.get(index);
  }

  /// Runs one block over a stream; `modulation` is its part of what [#modulations] gave.
  public void block(
      int index,
      ResidualStream x,
      Tensor modulation,
      TextKeys text,
      Tensor rotary,
      ForwardPass pass) {
    block(index, x, modulation, text, null, rotary, pass);
  }

  /// Runs one block whose tokens see a picture too.
  void block(
      int index,
      ResidualStream x,
      Tensor modulation,
      TextKeys text,
      TextKeys picture,
      Tensor rotary,
      ForwardPass pass) {
    parameters.use(index);
    blocks
        .get(index)
        .forward(
            x,
            modulation,
            context(text, index),
            picture == null ? null : context(picture, index),
            rotary,
            group,
            group.format(pass, index),
            pass.branch());
  }

  private static WanBlock.Context context(TextKeys keys, int index) {
    return new WanBlock.Context(keys.keys().get(index), keys.values().get(index));
  }

  /// Writes the velocity of this rank's share of the tokens `x` that the last block left; those of
  /// the sample come first among all.
  void head(Tensor x, Tensor time, Timesteps timesteps, Tensor velocity) {
    try (var _ = ops.scope()) {
      Tensor m = ops.modulation(headModulation, time); // [2, distinct, dim]
      Operand h =
          ops.modulatedNorm(
              x,
              m.at(0),
              m.at(1),
              timesteps.rows(),
              WanBlock.EPSILON,
              head.input(Branch.CONDITIONAL));
      Tensor all = group.gather(ops, ops.linear(h, head, Activation.NONE));
      Tensor patches = all.slice(0, LatentGrid.of(velocity.shape()).tokens());
      ops.copy(
          ops.unpatchify(patches, velocity.length(1), velocity.length(2), velocity.length(3)),
          velocity);
    }
  }
}
