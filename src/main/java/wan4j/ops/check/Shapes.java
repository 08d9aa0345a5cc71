package wan4j.ops.check;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionInput;
import wan4j.ops.Change;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.QuantizedHeads;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The rules of the waist about shapes and types, shared by all backends: each method checks the
/// arguments of the operation of its name and returns the shape of the result; what is wrong is an
/// `IllegalArgumentException` that says what was got and what was expected.
public final class Shapes {
  private static final long ANY = -1;
  private static final int BLOCK = 128;

  private Shapes() {}

  // ---- layers of transformers

  /// `[tokens, dim]`.
  public static Shape embedding(Tensor table, Tensor ids) {
    value("embedding", "table", table, ANY, ANY);
    typed("embedding", "ids", ids, DType.I32, ANY);
    return Shape.of(ids.length(0), table.length(1));
  }

  /// The shape of `x`, which has rows and columns.
  public static Shape operand(Tensor x) {
    value("operand", "x", x, ANY, ANY);
    return x.shape();
  }

  /// The float32 factors of a quantised tensor `[rows, columns]`: `[1]`, `[rows]` or `[rows,
  /// columns / 128]`, rounded up.
  public static Shape inverseScales(Shape values, OperandFormat format) {
    return switch (format) {
      case OperandFormat.Delayed _ -> Shape.of(1);
      case OperandFormat.Simple simple ->
          switch (simple) {
            case FLOAT8_CURRENT -> Shape.of(1);
            case FLOAT8_TOKEN -> Shape.of(values.size(0));
            case FLOAT8_BLOCK ->
                Shape.of(values.size(0), Math.ceilDiv(values.size(1), (long) BLOCK));
            case PLAIN, FLOAT32 -> throw new IllegalArgumentException(format + " has no scales");
          };
    };
  }

  /// `[rows, outputs]`; the operand must come in a format that the layer asks for.
  public static Shape linear(Operand x, Linear layer) {
    sized("linear", "x", x.values(), ANY, layer.inputs());
    switch (x) {
      case Operand.Plain plain -> {
        boolean isAsked =
            layer.input(Branch.CONDITIONAL) == OperandFormat.Simple.PLAIN
                || layer.input(Branch.CONDITIONAL) == OperandFormat.Simple.FLOAT32;
        if (!isAsked || !isValue(plain.values().dtype())) {
          throw wrongFormat(plain.values().toString(), layer);
        }
      }
      case Operand.Quantized quantized -> {
        boolean isAsked =
            Arrays.stream(Branch.values())
                .anyMatch(branch -> layer.input(branch).equals(quantized.format()));
        if (!isAsked) {
          throw wrongFormat(quantized.format().toString(), layer);
        }
      }
    }
    return Shape.of(x.values().length(0), layer.outputs());
  }

  /// Nothing; `target` is float `[rows, outputs]`.
  public static void linear(Operand x, Linear layer, Tensor target) {
    value("linear", "target", target, linear(x, layer).toArray());
  }

  private static IllegalArgumentException wrongFormat(String got, Linear layer) {
    return new IllegalArgumentException(
        "linear: x comes as %s, but the layer wants %s; ask layer.input(branch)"
            .formatted(got, layer.input(Branch.CONDITIONAL)));
  }

  /// `[rows, n]` for `[rows, 2 n]`.
  public static Shape gatedGelu(Tensor x) {
    value("gatedGelu", "x", x, ANY, ANY);
    divisible("gatedGelu", "the columns of x", x.shape().size(1), 2);
    return Shape.of(x.shape().size(0), x.shape().size(1) / 2);
  }

  /// The shape of `x`.
  public static Shape activate(Tensor x) {
    value("activate", "x", x);
    return x.shape();
  }

  /// `[parts, groups, dim]`.
  public static Shape modulation(Tensor table, Tensor timestep) {
    typed("modulation", "table", table, DType.F32, ANY, ANY);
    long parts = table.shape().size(0);
    long dim = table.shape().size(1);
    boolean isShared = timestep.shape().rank() == 2 && timestep.shape().size(1) == dim;
    typed("modulation", "timestep", timestep, DType.F32, ANY, isShared ? dim : parts * dim);
    return Shape.of(parts, timestep.shape().size(0), dim);
  }

  /// The shape of `x`.
  public static Shape modulatedNorm(Tensor x, Tensor shift, Tensor scale, Tensor rows) {
    value("modulatedNorm", "x", x, ANY, ANY);
    typed("modulatedNorm", "shift", shift, DType.F32, ANY, x.shape().size(1));
    typed("modulatedNorm", "scale", scale, DType.F32, shift.shape().size(0), x.shape().size(1));
    typed("modulatedNorm", "rows", rows, DType.I32, x.shape().size(0));
    return x.shape();
  }

  /// The shape of `x`.
  public static Shape layerNorm(Tensor x, Tensor weight, Tensor bias) {
    value("layerNorm", "x", x, ANY, ANY);
    value("layerNorm", "weight", weight, x.shape().size(1));
    value("layerNorm", "bias", bias, x.shape().size(1));
    return x.shape();
  }

  /// The shape of `x`.
  public static Shape rmsNorm(Tensor x, Tensor weight) {
    value("rmsNorm", "x", x, ANY, ANY);
    value("rmsNorm", "weight", weight, x.shape().size(1));
    return x.shape();
  }

  /// Nothing; the room is for as many tokens and columns as `spare` has.
  public static void attentionInput(int heads, Tensor spare, DType activation) {
    typed("attentionInput", "spare", spare, activation, ANY, ANY);
    divisible("attentionInput", "the columns of spare", spare.shape().size(1), 2L * heads);
  }

  /// Nothing; `target` has as many tokens and columns as there are in each third of `qkv`.
  public static void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, Tensor rope, AttentionInput target) {
    value("queryKeyValue", "qkv", qkv, ANY, ANY);
    switch (target) {
      case Heads plain -> {
        value("queryKeyValue", "target query", plain.query(), qkv.shape().size(0), ANY, ANY);
        long[] sizes = plain.query().shape().toArray();
        value("queryKeyValue", "target key", plain.key(), sizes);
        value("queryKeyValue", "target value", plain.value(), sizes);
      }
      case QuantizedHeads narrow -> {
        sized("queryKeyValue", "target query", narrow.query(), qkv.shape().size(0), ANY, ANY);
        quantized("queryKeyValue", narrow);
        sized("queryKeyValue", "target key", narrow.key(), narrow.query().shape().toArray());
      }
    }
    long heads = target.heads();
    long dim = heads * target.headSize();
    divisible("queryKeyValue", "the columns of target", dim, 2 * heads);
    sized("queryKeyValue", "qkv", qkv, target.queries(), 3 * dim);
    value("queryKeyValue", "queryWeight", queryWeight, dim);
    value("queryKeyValue", "keyWeight", keyWeight, dim);
    typed("queryKeyValue", "rope", rope, DType.F32, qkv.shape().size(0), dim / heads);
  }

  /// `[queries, heads head size]`.
  public static Shape attention(AttentionInput input) {
    switch (input) {
      case Heads plain -> heads(plain);
      case QuantizedHeads narrow -> quantized("attention", narrow);
    }
    if (input.keys() == 0) {
      throw new IllegalArgumentException("attention: there are 0 keys, expected at least 1");
    }
    return Shape.of(input.queries(), (long) input.heads() * input.headSize());
  }

  /// `[queries, heads head size]`; there is a list for each tile of queries.
  public static Shape attention(AttentionInput input, KeyBlocks blocks) {
    blocks.require(input);
    return attention(input);
  }

  /// Nothing; `target` has as many queries, keys and heads as `source`.
  public static void writeHeads(Heads source, AttentionInput target) {
    heads(source);
    boolean isSame =
        source.queries() == target.queries()
            && source.keys() == target.keys()
            && source.heads() == target.heads()
            && source.headSize() == target.headSize();
    if (!isSame) {
      throw new IllegalArgumentException(
          "writeHeads: target has %d queries, %d keys and %d heads of %d, expected those of query %s and key %s"
              .formatted(
                  target.queries(),
                  target.keys(),
                  target.heads(),
                  target.headSize(),
                  source.query().shape(),
                  source.key().shape()));
    }
  }

  private static void quantized(String operation, QuantizedHeads heads) {
    long count = heads.heads();
    long size = heads.headSize();
    EightBit format = heads.format();
    sized(operation, "key", heads.key(), ANY, count, size);
    sized(operation, "value", heads.value(), heads.keys(), count, size);
    if (format.hasNarrowScores()) {
      DType codes = format.scoreType(DType.F32);
      typed(operation, "query", heads.query(), codes, ANY, count, size);
      typed(operation, "key", heads.key(), codes, ANY, count, size);
      typed(operation, "queryScales", heads.queryScales(), DType.F32, heads.queries(), count);
      typed(operation, "keyScales", heads.keyScales(), DType.F32, count, ANY, 1);
    } else {
      value(operation, "query", heads.query(), ANY, count, size);
      value(operation, "key", heads.key(), ANY, count, size);
    }
    if (format.hasNarrowValues()) {
      typed(operation, "value", heads.value(), format.valueType(DType.F32), ANY, count, size);
      typed(operation, "valueScales", heads.valueScales(), DType.F32, count, ANY, size);
      typed(operation, "valueMeans", heads.valueMeans(), DType.F32, count, 1, size);
    } else {
      value(operation, "value", heads.value(), ANY, count, size);
    }
  }

  private static void heads(Heads heads) {
    value("attention", "query", heads.query(), ANY, ANY, ANY);
    long count = heads.heads();
    long size = heads.headSize();
    value("attention", "key", heads.key(), ANY, count, size);
    value("attention", "value", heads.value(), heads.keys(), count, size);
  }

  /// `[query tokens, heads head size]`; the keys are those of whole groups.
  public static Shape groupedAttention(Heads heads, Tensor rows, int keys) {
    Shape shape = attention(heads);
    typed("groupedAttention", "rows", rows, DType.I32, shape.size(0));
    divisible("groupedAttention", "the keys of all groups", heads.key().shape().size(0), keys);
    return shape;
  }

  /// `[tokens, heads head size]`.
  public static Shape relativeAttention(AttentionInput input, Tensor bias, int keys) {
    Shape shape = attention(input);
    int tokens = input.queries();
    typed("relativeAttention", "bias", bias, DType.F32, input.heads(), 2L * tokens - 1);
    int largest = Math.min(tokens, input.keys());
    if (keys < 1 || keys > largest) {
      throw new IllegalArgumentException(
          "relativeAttention: keys is %d, expected 1 to %d".formatted(keys, largest));
    }
    return shape;
  }

  /// Nothing; `x` is changed in place.
  public static void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    value("gatedAdd", "x", x, ANY, ANY);
    value("gatedAdd", "y", y, x.shape().size(0), x.shape().size(1));
    typed("gatedAdd", "gate", gate, DType.F32, ANY, x.shape().size(1));
    typed("gatedAdd", "rows", rows, DType.I32, x.shape().size(0));
  }

  /// Nothing; `x` is changed in place.
  public static void add(Tensor x, Change change) {
    if (change.isGated()) {
      gatedAdd(x, change.values(), change.gate(), change.rows());
    } else {
      add(x, change.values());
    }
  }

  /// Nothing; `x` is changed in place.
  public static void add(Tensor x, Tensor y) {
    value("add", "x", x);
    value("add", "y", y, x.shape().toArray());
  }

  /// `[tokens, channels 4]`.
  public static Shape patchify(List<Tensor> latents) {
    if (latents.isEmpty()) {
      throw new IllegalArgumentException("patchify: there are no latents, expected at least one");
    }
    Shape first = latents.getFirst().shape();
    long channels = 0;
    for (Tensor latent : latents) {
      typed("patchify", "latents", latent, DType.F32, ANY, ANY, ANY, ANY);
      sized(
          "patchify",
          "latents",
          latent,
          latent.shape().size(0),
          first.size(1),
          first.size(2),
          first.size(3));
      channels += latent.shape().size(0);
    }
    divisible("patchify", "height", first.size(2), 2);
    divisible("patchify", "width", first.size(3), 2);
    return Shape.of(first.size(1) * first.size(2) * first.size(3) / 4, channels * 4);
  }

  /// `[channels, frames, height, width]`.
  public static Shape unpatchify(Tensor tokens, int frames, int height, int width) {
    divisible("unpatchify", "height", height, 2);
    divisible("unpatchify", "width", width, 2);
    value("unpatchify", "tokens", tokens, (long) frames * (height / 2) * (width / 2), ANY);
    divisible("unpatchify", "the columns of tokens", tokens.shape().size(1), 4);
    return Shape.of(tokens.shape().size(1) / 4, frames, height, width);
  }

  // ---- sampling and caches

  /// Nothing; `target` is written.
  public static void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    value("linearCombination", "target", target);
    if (coefficients.length != terms.size() || terms.isEmpty()) {
      throw new IllegalArgumentException(
          "linearCombination: got %d coefficients for %d terms, expected as many of both, at least 1"
              .formatted(coefficients.length, terms.size()));
    }
    for (Tensor term : terms) {
      value("linearCombination", "terms", term, target.shape().toArray());
    }
  }

  /// Nothing; there is at least one row.
  public static void compareRows(Tensor current, Tensor previous) {
    value("compareRows", "current", current, ANY, ANY);
    value("compareRows", "previous", previous, current.shape().size(0), current.shape().size(1));
    if (current.shape().size(0) == 0) {
      throw new IllegalArgumentException("compareRows: there are 0 rows, expected at least 1");
    }
  }

  /// Nothing; both hold as many elements.
  public static void copy(Tensor source, Tensor target) {
    boolean isPossible = isValue(source.dtype()) && isValue(target.dtype());
    if (source.count() != target.count() || (!isPossible && source.dtype() != target.dtype())) {
      throw new IllegalArgumentException(
          "copy: source is %s, expected as many elements as target %s and the same or a float type"
              .formatted(source, target));
    }
  }

  /// Nothing; the target has the first two axes of the source in the other order.
  public static void swap(Tensor x, int first, Tensor target, int at, int count) {
    Shape shape = x.shape();
    boolean fits =
        shape.rank() == 3
            && x.dtype() == target.dtype()
            && target.shape().rank() == 3
            && target.shape().size(0) == shape.size(1)
            && target.shape().size(1) == shape.size(0)
            && hasColumns(x, first, count)
            && hasColumns(target, at, count);
    if (!fits) {
      throw new IllegalArgumentException(
          "swap: got %s and target %s for %d columns from %d and %d on; expected [a, b, c] and [b, a, d] of one type that have them"
              .formatted(x, target, count, first, at));
    }
  }

  private static boolean hasColumns(Tensor x, int first, int count) {
    return first >= 0 && count >= 0 && (long) first + count <= x.shape().size(2);
  }

  // ---- the checks themselves

  static boolean isValue(DType dtype) {
    return dtype == DType.F32 || dtype == DType.BF16 || dtype == DType.F16;
  }

  public static void value(String operation, String name, Tensor tensor, long... sizes) {
    if (!isValue(tensor.dtype()) || !fits(tensor.shape(), sizes)) {
      throw wrong(operation, name, tensor, "float", sizes);
    }
  }

  static void typed(String operation, String name, Tensor tensor, DType dtype, long... sizes) {
    if (tensor.dtype() != dtype || !fits(tensor.shape(), sizes)) {
      throw wrong(operation, name, tensor, dtype.toString(), sizes);
    }
  }

  static void sized(String operation, String name, Tensor tensor, long... sizes) {
    if (!fits(tensor.shape(), sizes)) {
      throw wrong(operation, name, tensor, "", sizes);
    }
  }

  static void divisible(String operation, String what, long size, long divisor) {
    if (divisor <= 0 || size % divisor != 0) {
      throw new IllegalArgumentException(
          "%s: got %d for %s, expected a multiple of %d".formatted(operation, size, what, divisor));
    }
  }

  private static boolean fits(Shape shape, long[] sizes) {
    if (sizes.length == 0) {
      return true; // any shape
    }
    if (shape.rank() != sizes.length) {
      return false;
    }
    for (int axis = 0; axis < sizes.length; axis++) {
      if (sizes[axis] != ANY && sizes[axis] != shape.size(axis)) {
        return false;
      }
    }
    return true;
  }

  private static IllegalArgumentException wrong(
      String operation, String name, Tensor tensor, String type, long[] sizes) {
    String expected =
        Arrays.stream(sizes)
            .mapToObj(size -> size == ANY ? "any" : Long.toString(size))
            .collect(Collectors.joining(", ", "[", "]"));
    return new IllegalArgumentException(
        "%s: %s is %s, expected %s %s"
            .formatted(
                operation, name, tensor, type, sizes.length == 0 ? "of any shape" : expected));
  }
}
