package wan4j.engine;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;
import wan4j.Quantization;
import wan4j.Version;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LinearGroup;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.NetworkOutput;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsOutput.Entry;

/// One transformer on its way into FP8 files: layers that are stacked when they run are quantised
/// as a stack, by the backend itself, so that the codes are those of loading with `--quantize`.
///
/// The names are those of public "scaled fp8" files (Comfy-Org/ComfyUI at a125cd8, comfy/ops.py and
/// comfy/model_detection.py): `X.weight`, the factor `X.scale_weight` that turns it back, and the
/// marker `scaled_fp8`. A factor is a scalar, `[outputs, 1]`, or one for each tile of 128 by 128.
///
/// Public for the packages of this module alone.
public final class Float8Network {
  // one file for an expert of 14 billion parameters, as programs that know no index want it
  private static final long LARGEST_FILE = 16L << 30;

  /// One tensor as it is, or layers whose weights are quantised together.
  private record Unit(List<String> tensors, Precision precision) {}

  private final Weights weights;
  private final Quantization quantization;
  private final List<Unit> units = new ArrayList<>();

  /// Plans a transformer's files; throws `InputException` when `--fp8_skip` names no layer or the
  /// weights do not fit the sizes.
  public Float8Network(TransformerConfig config, Weights weights, Quantization quantization) {
    this.weights = weights;
    this.quantization = quantization;
    Map<String, Unit> stacks = new HashMap<>();
    try (NullOps ops = new NullOps();
        DiffusionNetwork transformer =
            DiffusionNetwork.load(
                config,
                weights,
                ops,
                SequenceGroup.SOLO,
                Precisions.table(quantization, weights))) {
      for (LinearGroup group : transformer.linearLayers()) {
        if (group.precision().isFloat8()) {
          List<String> names = group.layers().stream().map(layer -> layer + ".weight").toList();
          names.forEach(name -> stacks.put(name, new Unit(names, group.precision())));
        }
      }
    }
    Set<Unit> planned = new HashSet<>();
    for (String name : weights.names()) {
      Unit unit = stacks.getOrDefault(name, new Unit(List.of(name), Precision.PLAIN));
      if (planned.add(unit)) {
        units.add(unit);
      }
    }
  }

  /// Returns the bytes of the tensors that will be written.
  public long bytes() {
    try (NetworkOutput output = output(Path.of(""), LARGEST_FILE)) {
      return output.bytes();
    }
  }

  /// Writes the files into a folder that exists, quantising on a backend, and tells how many bytes
  /// of weights are done after each layer.
  public void write(Ops ops, Path folder, LongConsumer done) {
    write(ops, folder, LARGEST_FILE, done);
  }

  public void write(Ops ops, Path folder, long largestFile, LongConsumer done) {
    try (NetworkOutput output = output(folder, largestFile)) {
      output.write(Weights.MARKER, marker());
      long bytes = 0;
      for (Unit unit : units) {
        if (unit.precision.isFloat8()) {
          quantise(ops, unit, output);
        } else {
          String name = unit.tensors.getFirst();
          output.write(name, weights.tensor(name));
        }
        for (String name : unit.tensors) {
          bytes += weights.tensor(name).bytes();
        }
        done.accept(bytes);
      }
      output.finish();
    }
  }

  private NetworkOutput output(Path folder, long largestFile) {
    List<List<Entry>> entries = new ArrayList<>();
    TensorSource marker = marker();
    entries.add(List.of(new Entry(Weights.MARKER, marker.dtype(), marker.shape())));
    for (Unit unit : units) {
      entries.add(unit.precision.isFloat8() ? stacked(unit) : plain(unit));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put("wan4j.version", Version.NUMBER);
    metadata.put(Weights.RECIPE, quantization.recipe().spelling());
    return NetworkOutput.create(folder, entries, largestFile, metadata);
  }

  /// Two elements say that activations have no scales in the file.
  private static TensorSource marker() {
    HostStorage zeros = new HostStorage(MemorySegment.ofArray(new byte[2]));
    return TensorSource.of(Weights.MARKER, new Tensor(Shape.of(2), DType.F8_E4M3, zeros));
  }

  private List<Entry> plain(Unit unit) {
    TensorSource source = weights.tensor(unit.tensors.getFirst());
    return List.of(new Entry(unit.tensors.getFirst(), source.dtype(), source.shape()));
  }

  private List<Entry> stacked(Unit unit) {
    List<Entry> entries = new ArrayList<>();
    int first = 0;
    for (String name : unit.tensors) {
      Shape shape = weights.shape(name);
      Factors factors = factors(unit, unit.precision.weightGranularity(), name, first);
      entries.add(new Entry(name, DType.F8_E4M3, shape));
      entries.add(new Entry(scale(name), DType.F32, factors.shape()));
      first += shape.length(0);
    }
    return entries;
  }

  private Factors factors(Unit unit, Granularity granularity, String name, int first) {
    boolean isLast = name.equals(unit.tensors.getLast());
    return new Factors(granularity, first, weights.shape(name), isLast);
  }

  private static String scale(String weight) {
    return weight.replaceFirst("weight$", "scale_weight");
  }

  private void quantise(Ops ops, Unit unit, NetworkOutput output) {
    try (Parameters parameters = ops.parameters()) {
      List<TensorSource> sources = unit.tensors.stream().map(weights::tensor).toList();
      Float8Matrix matrix = parameters.codes(parameters.linear(sources, List.of(), unit.precision));
      int first = 0;
      for (String name : unit.tensors) {
        Shape shape = weights.shape(name);
        Tensor codes = matrix.values().slice(first, shape.size(0)).reshape(shape.toArray());
        output.write(name, TensorSource.of(name, codes));
        Factors factors = factors(unit, matrix.granularity(), name, first);
        output.write(scale(name), TensorSource.of(scale(name), factors.of(matrix.inverseScales())));
        first += shape.length(0);
      }
    }
  }

  /// The factors of one weight that begins at row `first` of its stack and perhaps ends it.
  private record Factors(Granularity granularity, int first, Shape weight, boolean isLast) {
    private static final int BLOCK = Granularity.BLOCK;

    private int rows() {
      return weight.length(0);
    }

    private int columns() {
      return Math.toIntExact(weight.count() / rows());
    }

    /// Says whether the tiles of the stack reach from one weight into the next, as in very small
    /// networks; each row then gets the factors of its pieces.
    private boolean isSplit() {
      return first % BLOCK != 0 || (rows() % BLOCK != 0 && !isLast);
    }

    /// The columns that share a factor in every row, whatever the width of the last tile.
    private int piece() {
      return BigInteger.valueOf(columns()).gcd(BigInteger.valueOf(BLOCK)).intValue();
    }

    Shape shape() {
      return switch (granularity) {
        case TENSOR -> Shape.of();
        case ROW -> Shape.of(rows(), 1);
        case BLOCK_1X128, BLOCK_128X128 ->
            isSplit()
                ? Shape.of(rows(), columns() / piece())
                : Shape.of(Math.ceilDiv(rows(), BLOCK), Math.ceilDiv(columns(), BLOCK));
      };
    }

    /// Takes them from those of the stack.
    Tensor of(Tensor stack) {
      return switch (granularity) {
        case TENSOR -> stack.reshape();
        case ROW -> stack.slice(first, rows()).reshape(rows(), 1);
        case BLOCK_1X128, BLOCK_128X128 ->
            isSplit() ? spread(stack) : stack.slice(first / BLOCK, Math.ceilDiv(rows(), BLOCK));
      };
    }

    private Tensor spread(Tensor stack) {
      float[] tiles = stack.toFloats();
      int across = stack.length(1);
      int pieces = columns() / piece();
      float[] values = new float[rows() * pieces];
      for (int i = 0; i < values.length; i++) {
        int row = (first + i / pieces) / BLOCK;
        values[i] = tiles[row * across + i % pieces * piece() / BLOCK];
      }
      return Tensor.of(values, rows(), pieces);
    }
  }
}
