package wan4j.model;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.ComputedSource;
import wan4j.weights.Weights;

/// The image branch of CLIP ViT-H/14: a picture in, a token for the whole and one for each patch
/// out (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/animate/clip.py, `VisionTransformer`). The tokens
/// are those that the last block would take, so that block is not loaded.
public final class ClipVision implements AutoCloseable {
  /// The attention heads of ViT-H/14, which its tensors do not tell.
  public static final int HEADS = 16;

  private static final double EPSILON = 1e-5;
  private static final int COLOURS = 3;
  private static final double[] MEAN = {0.48145466, 0.4578275, 0.40821073};
  private static final double[] DEVIATION = {0.26862954, 0.26130258, 0.27577711};

  private final Ops ops;
  private final Parameters parameters;
  private final int dim;
  private final int patch;
  private final int side; // in patches
  private final Linear patchEmbedding;
  private final Tensor embeddings; // [tokens, dim], positions, and the class in the first row
  private final Norm before;
  private final List<Block> blocks;

  private record Norm(Tensor weight, Tensor bias) {}

  /// Loads the network onto a backend, from weights that may hold CLIP's text branch too; sizes
  /// come from the tensors' shapes. Throws `InputException` when they do not fit.
  public ClipVision(Weights weights, int heads, Ops ops) {
    this.ops = ops;
    Weights visual = weights.at("visual");
    parameters = ops.parameters();
    var layers = new LayerLoader(parameters, PrecisionTable.of(Precision.PLAIN, List.of()));
    try {
      Shape kernel = visual.shape("patch_embedding.weight", 4);
      dim = kernel.length(0);
      patch = kernel.length(-1);
      int tokens = visual.shape("pos_embedding", 3).length(1);
      side = (int) Math.sqrt(tokens - 1);
      if (dim % heads != 0 || side * side != tokens - 1) {
        throw new InputException(
            "%s has %d tokens of %d numbers for %d heads; expected a square of patches and one more, and whole heads: use CLIP ViT-H/14"
                .formatted(weights, tokens, dim, heads));
      }
      patchEmbedding =
          layers.unbiased(visual, dim, (long) COLOURS * patch * patch, "patch_embedding");
      embeddings = parameters.tensor(embeddings(visual, tokens), DType.F32);
      before = norm(visual.at("pre_norm"));
      Weights transformer = visual.at("transformer");
      blocks =
          IntStream.range(0, transformer.parts() - 1)
              .mapToObj(i -> new Block(transformer.at(i), heads, layers))
              .toList();
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  private TensorSource embeddings(Weights visual, int tokens) {
    TensorSource positions = visual.tensor("pos_embedding", 1, tokens, dim);
    TensorSource first = visual.tensor("cls_embedding", 1, 1, dim);
    return new ComputedSource(
        positions.name(),
        Shape.of(tokens, dim),
        () -> {
          float[] sums = positions.load().toFloats();
          float[] whole = first.load().toFloats();
          for (int i = 0; i < dim; i++) {
            sums[i] += whole[i];
          }
          return sums;
        });
  }

  private Norm norm(Weights weights) {
    return new Norm(
        parameters.tensor(weights.tensor("weight", dim), DType.F32),
        parameters.tensor(weights.tensor("bias", dim), DType.F32));
  }

  /// Returns the width of a token.
  public int dim() {
    return dim;
  }

  /// Returns the height and width of the pictures that the network sees.
  public int size() {
    return side * patch;
  }

  /// Returns the tokens of a picture, host float32 `[3, size, size]` in [-1, 1], as `[1 + patches,
  /// dim]` in the innermost scope.
  public Tensor encode(Tensor picture) {
    int tokens = 1 + side * side;
    Tensor x = ops.empty(ops.residual(), tokens, dim);
    try (var _ = ops.scope()) {
      Tensor sums = ops.empty(ops.residual(), tokens, dim);
      ops.copy(embeddings, sums);
      Operand rows =
          ops.operand(
              ops.upload(patches(picture), DType.F32), patchEmbedding.input(Branch.CONDITIONAL));
      ops.add(sums.slice(1, tokens - 1L), ops.linear(rows, patchEmbedding, Activation.NONE));
      ops.copy(normed(sums, before, OperandFormat.Simple.FLOAT32).values(), x);
    }
    for (Block block : blocks) {
      block.forward(x);
    }
    return x;
  }

  private Operand normed(Tensor x, Norm norm, OperandFormat want) {
    return ops.layerNorm(x, norm.weight, norm.bias, EPSILON, want);
  }

  /// Returns the patches of a picture as rows, ordered colour, height, width, in CLIP's scale of
  /// colours.
  private Tensor patches(Tensor picture) {
    int size = size();
    if (!picture.shape().equals(Shape.of(COLOURS, size, size))) {
      throw new IllegalArgumentException(
          "got a picture %s, expected [%d, %d, %d]".formatted(picture, COLOURS, size, size));
    }
    float[] pixels = picture.toFloats();
    int row = COLOURS * patch * patch;
    float[] rows = new float[side * side * row];
    for (int i = 0; i < pixels.length; i++) {
      int colour = i / (size * size);
      int y = i / size % size;
      int x = i % size;
      int at = (y / patch * side + x / patch) * row;
      int within = (colour * patch + y % patch) * patch + x % patch;
      double share = pixels[i] * 0.5 + 0.5;
      rows[at + within] = (float) ((share - MEAN[colour]) / DEVIATION[colour]);
    }
    return Tensor.of(rows, (long) side * side, row);
  }

  /// Frees the weights.
  @Override
  public void close() {
    parameters.close();
  }

  /// Self-attention and feed-forward, each behind a norm.
  private final class Block {
    private final int heads;
    private final Norm attentionNorm;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear out;
    private final Norm feedForwardNorm;
    private final Linear up;
    private final Linear down;

    Block(Weights weights, int heads, LayerLoader layers) {
      this.heads = heads;
      int wide = weights.shape("mlp.0.weight", 2).length(0);
      attentionNorm = norm(weights.at("norm1"));
      List<Linear> parts = layers.split(weights, "attn.to_qkv", 3, dim, dim);
      query = parts.get(0);
      key = parts.get(1);
      value = parts.get(2);
      out = layers.linear(weights, "attn.proj", dim, dim);
      feedForwardNorm = norm(weights.at("norm2"));
      up = layers.linear(weights, "mlp.0", wide, dim);
      down = layers.linear(weights, "mlp.2", dim, wide);
    }

    void forward(Tensor x) {
      try (var _ = ops.scope()) {
        Operand h = normed(x, attentionNorm, query.input(Branch.CONDITIONAL));
        Heads qkv = new Heads(heads(h, query), heads(h, key), heads(h, value));
        double scale = 1 / Math.sqrt(qkv.query().length(2));
        Operand a = ops.attention(qkv, scale, out.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(a, out, Activation.NONE));
      }
      try (var _ = ops.scope()) {
        Operand h = normed(x, feedForwardNorm, up.input(Branch.CONDITIONAL));
        Operand wide = ops.linear(h, up, Activation.GELU_ERF, down.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(wide, down, Activation.NONE));
      }
    }

    private Tensor heads(Operand x, Linear layer) {
      Tensor y = ops.linear(x, layer, Activation.NONE);
      return y.reshape(y.length(0), heads, dim / heads);
    }
  }
}
