package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The face adapter of Animate: after every fifth block each token looks at the face tokens of its
/// own latent frame (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/animate/face_blocks.py, `FaceBlock`).
public final class FaceAdapter {
  private static final int INTERVAL = 5; // blocks of the transformer for each of these

  private final Ops ops;
  private final int heads;
  private final int headSize;
  private final Tensor ones;
  private final Tensor zeros;
  private final List<Block> blocks;

  /// One block's layers; norms of queries and keys are over each head.
  private record Block(
      Linear key, Linear value, Linear query, Linear out, Tensor queryNorm, Tensor keyNorm) {}

  FaceAdapter(TransformerConfig config, Weights weights, Ops ops, LayerLoader layers) {
    this.ops = ops;
    heads = config.heads();
    headSize = config.headDim();
    Weights fusers = weights.at("fuser_blocks");
    int count = fusers.parts();
    if (count * INTERVAL != config.layers()) {
      throw new InputException(
          "%s has %d blocks and %d of the face adapter; expected one for each %d blocks: download the checkpoint again"
              .formatted(weights.title(), config.layers(), count, INTERVAL));
    }
    int dim = config.dim();
    ones = constant(1, dim, layers);
    zeros = constant(0, dim, layers);
    blocks = IntStream.range(0, count).mapToObj(i -> block(fusers.at(i), dim, layers)).toList();
  }

  private static Tensor constant(float value, int dim, LayerLoader layers) {
    float[] values = new float[dim];
    Arrays.fill(values, value);
    TensorSource source = TensorSource.of("constant", Tensor.of(values, dim));
    return layers.parameters().tensor(source, DType.F32);
  }

  private Block block(Weights weights, int dim, LayerLoader layers) {
    List<Linear> keyValue = layers.split(weights, "linear1_kv", 2, dim, dim);
    return new Block(
        keyValue.get(0),
        keyValue.get(1),
        layers.linear(weights, "linear1_q", dim, dim),
        layers.linear(weights, "linear2", dim, dim),
        layers.parameters().tensor(weights.tensor("q_norm.weight", headSize), DType.F32),
        layers.parameters().tensor(weights.tensor("k_norm.weight", headSize), DType.F32));
  }

  /// Says whether a block of the adapter follows a block of the transformer.
  boolean follows(int layer) {
    return layer % INTERVAL == 0;
  }

  /// Returns room in the innermost scope for the keys and values that so many face tokens give
  /// every block of the adapter.
  public TextKeys emptyKeys(int tokens) {
    List<Tensor> keys = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      keys.add(ops.empty(ops.activation(), tokens, heads, headSize));
      values.add(ops.empty(ops.activation(), tokens, heads, headSize));
    }
    return new TextKeys(keys, values);
  }

  /// Writes the keys and values that face tokens `[tokens, dim]` of the activation type give every
  /// block of the adapter.
  public void read(Tensor faces, Branch branch, TextKeys target) {
    int tokens = faces.length(0);
    int dim = heads * headSize;
    for (int i = 0; i < blocks.size(); i++) {
      Block block = blocks.get(i);
      try (var _ = ops.scope()) {
        // key and value are parts of one layer, which takes its input in one format
        Operand rows = ops.layerNorm(faces, ones, zeros, WanBlock.EPSILON, block.key.input(branch));
        Tensor key = ops.linear(rows, block.key, Activation.NONE);
        ops.copy(headsNormed(key, block.keyNorm), target.keys().get(i));
        ops.linear(rows, block.value, target.values().get(i).reshape(tokens, dim));
      }
    }
  }

  /// Returns rows `[tokens, dim]` as heads, each normalised.
  private Tensor headsNormed(Tensor x, Tensor weight) {
    long tokens = x.length(0);
    Tensor rows = x.reshape(tokens * heads, headSize);
    Operand normed = ops.rmsNorm(rows, weight, WanBlock.EPSILON, OperandFormat.Simple.PLAIN);
    return normed.values().reshape(tokens, heads, headSize);
  }

  /// Adds what tokens see in the faces after a block of the transformer; int32 `frames` names each
  /// token's latent frame, of which each has `each` face tokens.
  public void add(
      int layer, ResidualStream x, TextKeys faces, Tensor frames, int each, Branch branch) {
    int index = layer / INTERVAL;
    Block block = blocks.get(index);
    try (var _ = ops.scope()) {
      Operand h = x.layerNorm(ones, zeros, block.query.input(branch));
      Tensor query = headsNormed(ops.linear(h, block.query, Activation.NONE), block.queryNorm);
      Heads seen = new Heads(query, faces.keys().get(index), faces.values().get(index));
      double scale = 1 / Math.sqrt(headSize);
      Operand a = ops.groupedAttention(seen, frames, each, scale, block.out.input(branch));
      ops.linear(a, block.out, x.delta());
      x.add();
    }
  }
}
