package wan4j.model;

import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// One transformer block: self-attention, cross-attention to the text and perhaps to a picture,
/// feed-forward; the first and the last are shifted, scaled and gated by the timestep.
public final class WanBlock {
  static final double EPSILON = 1e-6;

  private final Ops ops;
  private final int heads;
  private final int headSize;
  private final double scale;

  private final Tensor modulation; // [6, dim]
  private final Linear queryKeyValue;
  private final Tensor queryNorm;
  private final Tensor keyNorm;
  private final Linear attentionOut;

  private final Tensor textNormWeight;
  private final Tensor textNormBias;
  private final Linear textQuery;
  private final ContextLayers text;
  private final ContextLayers picture; // null where the network sees none
  private final Tensor textQueryNorm;
  private final Linear textOut;

  private final Linear up;
  private final Linear down;

  WanBlock(TransformerConfig config, Weights weights, Ops ops, LayerLoader layers) {
    this.ops = ops;
    heads = config.heads();
    headSize = config.headDim();
    scale = 1 / Math.sqrt(headSize);
    int dim = config.dim();
    var parameters = layers.parameters();

    modulation =
        parameters.tensor(weights.tensor("modulation", 1, 6, dim), DType.F32).reshape(6, dim);
    var self = weights.at("self_attn");
    queryKeyValue = layers.stacked(self, List.of("q", "k", "v"), dim, dim);
    queryNorm = parameters.tensor(self.tensor("norm_q.weight", dim), DType.F32);
    keyNorm = parameters.tensor(self.tensor("norm_k.weight", dim), DType.F32);
    attentionOut = layers.linear(self, "o", dim, dim);

    textNormWeight = parameters.tensor(weights.tensor("norm3.weight", dim), DType.F32);
    textNormBias = parameters.tensor(weights.tensor("norm3.bias", dim), DType.F32);
    var cross = weights.at("cross_attn");
    textQuery = layers.linear(cross, "q", dim, dim);
    text = new ContextLayers(cross, "", dim, ops, layers);
    textQueryNorm = parameters.tensor(cross.tensor("norm_q.weight", dim), DType.F32);
    textOut = layers.linear(cross, "o", dim, dim);
    picture = config.seesPicture() ? new ContextLayers(cross, "_img", dim, ops, layers) : null;

    up = layers.linear(weights, "ffn.0", config.feedForwardDim(), dim);
    down = layers.linear(weights, "ffn.2", dim, config.feedForwardDim());
  }

  /// Returns the layers that read a prompt.
  public ContextLayers text() {
    return text;
  }

  /// Returns the layers that read a picture; null where the network sees none.
  ContextLayers picture() {
    return picture;
  }

  /// Returns how timesteps, float32 `[distinct, 6 dim]`, modulate the block: float32 `[6, distinct,
  /// dim]`.
  public Tensor modulation(Tensor time) {
    return ops.modulation(modulation, time);
  }

  /// What a block's cross-attention looks at: keys and values `[length, heads, head size]`.
  public record Context(Tensor keys, Tensor values) {}

  /// Runs the block over a stream; `modulated` is what [#modulation] gave, `format` what
  /// self-attention reads, and `shown` the picture, null where the network sees none.
  public void forward(
      ResidualStream x,
      Tensor modulated,
      Context words,
      Context shown,
      Tensor rotary,
      SequenceGroup group,
      AttentionFormat format,
      Branch branch) {
    Modulation attention = Modulation.of(modulated, 0);
    Modulation feedForward = Modulation.of(modulated, 3);

    try (var _ = ops.scope()) {
      // the delta is free until attention is done
      AttentionInput input = ops.attentionInput(format, heads, x.delta(), group);
      try (var _ = ops.scope()) { // the largest tensors of a forward: qkv goes before attention
        Operand h =
            x.modulatedNorm(attention.shift(), attention.scale(), queryKeyValue.input(branch));
        Tensor qkv = ops.linear(h, queryKeyValue, Activation.NONE); // [tokens, 3 dim]
        ops.queryKeyValue(qkv, queryNorm, keyNorm, EPSILON, rotary, group, input);
      }
      Operand a = group.attention(ops, input, scale, attentionOut.input(branch));
      ops.linear(a, attentionOut, x.delta());
      x.add(attention.gate());
    }

    try (var _ = ops.scope()) {
      Operand h = x.layerNorm(textNormWeight, textNormBias, textQuery.input(branch));
      Tensor q = ops.linear(h, textQuery, Activation.NONE);
      q = ops.rmsNorm(q, textQueryNorm, EPSILON, OperandFormat.Simple.PLAIN).values();
      Tensor query = q.reshape(x.tokens(), heads, headSize);
      ops.linear(attended(query, words, shown, textOut.input(branch)), textOut, x.delta());
      x.add();
    }

    try (var _ = ops.scope()) {
      Operand h = x.modulatedNorm(feedForward.shift(), feedForward.scale(), up.input(branch));
      Operand wide = ops.linear(h, up, Activation.GELU_TANH, down.input(branch));
      ops.linear(wide, down, x.delta());
      x.add(feedForward.gate());
    }
  }

  /// Returns what queries find in the words, and in the picture where there is one: the sum.
  private Operand attended(Tensor query, Context words, Context shown, OperandFormat want) {
    Heads read = new Heads(query, words.keys(), words.values());
    if (shown == null) {
      return ops.attention(read, scale, want);
    }
    Heads seen = new Heads(query, shown.keys(), shown.values());
    Tensor sum = ops.attention(read, scale, OperandFormat.Simple.PLAIN).values();
    ops.add(sum, ops.attention(seen, scale, OperandFormat.Simple.PLAIN).values());
    return ops.operand(sum, want);
  }

  /// How a timestep shifts and scales what enters a layer and gates what leaves it: float32
  /// `[distinct, dim]` each.
  private record Modulation(Tensor shift, Tensor scale, Tensor gate) {
    static Modulation of(Tensor parts, int first) {
      return new Modulation(parts.at(first), parts.at(first + 1), parts.at(first + 2));
    }
  }
}
