package wan4j.model;

import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.WeightSharing;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// The umT5 text encoder: token ids in, one state a token out (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/t5.py). Every block has its own table of relative positions; attention is not
/// scaled; norms have neither mean nor bias.
public final class UmT5Encoder implements AutoCloseable {
  private static final double EPSILON = 1e-6;
  private static final int LARGEST_DISTANCE = 128;

  private final Ops ops;
  private final Parameters parameters; // of the blocks
  private final Parameters ends; // of what is before and after them
  private final int dim;
  private final Tensor tokens; // [vocabulary, dim]; null on a rank that only keeps its part
  private final List<Block> blocks;
  private final Tensor norm;
  private Parameters biases; // what relative positions add in every block, for texts of one length
  private int length;

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public UmT5Encoder(Weights weights, Ops ops) {
    this(weights, ops, WeightSharing.NONE);
  }

  /// Loads the network onto a backend as ranks share its blocks, of which the first alone encodes
  /// texts; see the other form.
  public UmT5Encoder(Weights weights, Ops ops, WeightSharing sharing) {
    this.ops = ops;
    parameters = ops.parameters(sharing);
    ends = ops.parameters();
    try {
      Shape table = weights.shape("token_embedding.weight", 2);
      dim = table.length(1);
      boolean encodes = sharing.rank() == 0;
      tokens =
          encodes
              ? ends.tensor(
                  weights.tensor("token_embedding.weight", table.toArray()), ops.activation())
              : null;
      var layers = new LayerLoader(parameters, PrecisionTable.of(Precision.PLAIN, List.of()));
      if (weights.at("blocks").parts() == 0) {
        throw new InputException(
            "%s has no blocks; expected umT5-xxl as it comes with the checkpoint: download it again"
                .formatted(weights));
      }
      blocks =
          parameters.blocks(
              weights.at("blocks").parts(), i -> new Block(weights.at("blocks").at(i), layers));
      norm = encodes ? ends.tensor(weights.tensor("norm.weight", dim), DType.F32) : null;
      biases = ops.parameters();
      parameters.complete();
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      ends.close();
      parameters.close();
      throw e;
    }
  }

  /// Returns the size of a state.
  public int dim() {
    return dim;
  }

  /// Returns the states of `ids [length]` as float32 `[length, dim]` on the backend; only the first
  /// `valid` tokens are attended to.
  public Tensor encode(int[] ids, int valid) {
    adjustTo(ids.length);
    Tensor states = ops.empty(DType.F32, ids.length, dim);
    try (var _ = ops.scope()) {
      Tensor x = ops.embedding(tokens, ops.upload(Tensor.of(ids, ids.length), DType.I32));
      for (int i = 0; i < blocks.size(); i++) {
        parameters.use(i);
        blocks.get(i).forward(x, valid);
      }
      ops.copy(ops.rmsNorm(x, norm, EPSILON, OperandFormat.Simple.FLOAT32).values(), states);
    }
    return states;
  }

  /// Keeps the blocks' biases on the backend for as long as texts have the same length.
  private void adjustTo(int newLength) {
    if (length != newLength) {
      length = 0; // no length has biases while they change
      biases.close();
      biases = ops.parameters();
      blocks.forEach(block -> block.adjustTo(newLength, biases));
      length = newLength;
    }
  }

  /// Waits until no weights of other ranks are copied; until the next text none are.
  public void rest() {
    parameters.rest();
  }

  /// Frees the weights.
  @Override
  public void close() {
    biases.close();
    ends.close();
    parameters.close();
  }

  private final class Block {
    private final Tensor attentionNorm;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear out;
    private final Tensor feedForwardNorm;
    private final Linear gateAndUp;
    private final Linear down;
    private final float[] positions; // [buckets, heads]
    private final int heads;
    private final int headSize;
    private Tensor bias; // [heads, 2 length - 1]

    Block(Weights weights, LayerLoader layers) {
      int inner = weights.shape("attn.q.weight", 2).length(0);
      int wide = weights.shape("ffn.fc1.weight", 2).length(0);
      Shape table = weights.shape("pos_embedding.embedding.weight", 2);
      heads = table.length(1);
      headSize = inner / heads;
      if (inner % heads != 0 || table.length(0) < 4) {
        throw new InputException(
            "%s has %d buckets of distances for %d heads that share %d channels; expected four buckets or more, and whole heads: use umT5-xxl as it comes with the checkpoint"
                .formatted(weights, table.length(0), heads, inner));
      }
      attentionNorm = layers.parameters().tensor(weights.tensor("norm1.weight", dim), DType.F32);
      query = layers.unbiased(weights, inner, dim, "attn.q");
      key = layers.unbiased(weights, inner, dim, "attn.k");
      value = layers.unbiased(weights, inner, dim, "attn.v");
      out = layers.unbiased(weights, dim, inner, "attn.o");
      feedForwardNorm = layers.parameters().tensor(weights.tensor("norm2.weight", dim), DType.F32);
      gateAndUp = layers.unbiased(weights, wide, dim, "ffn.gate.0", "ffn.fc1");
      down = layers.unbiased(weights, dim, wide, "ffn.fc2");
      positions = weights.tensor("pos_embedding.embedding.weight").load().toFloats();
    }

    void forward(Tensor x, int valid) {
      int length = x.length(0);
      try (var _ = ops.scope()) {
        Operand h = ops.rmsNorm(x, attentionNorm, EPSILON, query.input(Branch.CONDITIONAL));
        AttentionInput qkv =
            new Heads(
                ops.linear(h, query, Activation.NONE).reshape(length, heads, headSize),
                ops.linear(h, key, Activation.NONE).reshape(length, heads, headSize),
                ops.linear(h, value, Activation.NONE).reshape(length, heads, headSize));
        Operand a = ops.relativeAttention(qkv, bias, valid, out.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(a, out, Activation.NONE));

        h = ops.rmsNorm(x, feedForwardNorm, EPSILON, gateAndUp.input(Branch.CONDITIONAL));
        Tensor gateUp = ops.linear(h, gateAndUp, Activation.NONE);
        Operand wide = ops.gatedGelu(gateUp, down.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(wide, down, Activation.NONE));
      }
    }

    void adjustTo(int length, Parameters home) {
      bias = home.tensor(TensorSource.of("relative positions", bias(length)), DType.F32);
    }

    private Tensor bias(int length) {
      int buckets = positions.length / heads;
      float[] bias = new float[heads * (2 * length - 1)];
      for (int distance = 1 - length; distance < length; distance++) {
        int bucket = bucket(distance, buckets);
        for (int head = 0; head < heads; head++) {
          bias[head * (2 * length - 1) + distance + length - 1] = positions[bucket * heads + head];
        }
      }
      return Tensor.of(bias, heads, 2L * length - 1);
    }
  }

  /// Returns the bucket of a distance key - query: half of the buckets for each direction, the
  /// first of each half for one distance each, the others for logarithmic ranges; in float32 as
  /// PyTorch computes it.
  static int bucket(int distance, int buckets) {
    int half = buckets / 2;
    int exact = half / 2;
    int direction = distance > 0 ? half : 0;
    int steps = Math.abs(distance);
    if (steps < exact) {
      return direction + steps;
    }
    float ratio = (float) Math.log((float) steps / exact);
    float range = (float) Math.log((double) LARGEST_DISTANCE / exact);
    int far = exact + (int) (ratio / range * (half - exact));
    return direction + Math.min(far, half - 1);
  }
}
