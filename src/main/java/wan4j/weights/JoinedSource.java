package wan4j.weights;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.FloatReader;
import wan4j.weights.file.RowSource;

/// A weight that is stored as 8-bit floats beside its scales, read as float32 with the scales
/// multiplied in.
///
/// The spellings are those of public files: `scale_weight` (Comfy-Org/ComfyUI), `weight_scale`
/// (huggingface/diffusers, ModelTC/LightX2V), and `weight_scale_inv` for tiles of 128 by 128
/// (huggingface/transformers), all of them factors.
final class JoinedSource implements ScaledSource {
  private static final String WEIGHT = ".weight";
  private static final String[] SCALES = {".scale_weight", ".weight_scale", ".weight_scale_inv"};
  // scales of activations, which every recipe of ours finds itself, and remarks on the format
  private static final Set<String> REMARKS = Set.of(".scale_input", ".input_scale", ".comfy_quant");
  private static final int TILE = 128;

  private final TensorSource codes;
  private final float[] scales;
  private final Tensor factors;
  private final int rowsPerScale;
  private final int columnsPerScale;
  private final int scalesPerRow;
  private final int rowLength;

  private JoinedSource(TensorSource codes, TensorSource scale, String title) {
    this.codes = codes;
    Shape shape = codes.shape();
    rowLength = RowSource.rowLength(shape);
    long rows = shape.count() / Math.max(1, rowLength);
    Shape given = scale.shape();
    long[] sizes = withoutOnes(given);
    long count = given.count();
    long tileRows = Math.ceilDiv(rows, TILE);
    long tileColumns = Math.ceilDiv(rowLength, TILE);
    if (count == 1) {
      rowsPerScale = Integer.MAX_VALUE;
      columnsPerScale = Integer.MAX_VALUE;
      scalesPerRow = 1;
    } else if (given.rank() >= 2
        && count == tileRows * tileColumns
        && given.size(0) == tileRows
        && given.size(1) == tileColumns
        && tileRows != rows) {
      rowsPerScale = TILE;
      columnsPerScale = TILE;
      scalesPerRow = (int) tileColumns;
    } else if (sizes.length == 1 && sizes[0] == rows) {
      rowsPerScale = 1; // one for each output
      columnsPerScale = rowLength;
      scalesPerRow = 1;
    } else if (given.rank() >= 2
        && count > 0
        && given.size(0) * given.size(1) == count
        && rows % given.size(0) == 0
        && rowLength % given.size(1) == 0) {
      rowsPerScale = 1; // one for each of several equal pieces of each output, or of several
      scalesPerRow = given.length(1);
      columnsPerScale = rowLength / scalesPerRow;
    } else {
      throw new InputException(
          "%s holds %s of shape %s beside a weight %s; expected one scale, one for each output or one for each of equal blocks: convert the checkpoint again"
              .formatted(title, Quoted.of(scale.name()), given, shape));
    }
    scales = spread(FloatReader.all(scale), rows);
    factors = Tensor.of(scales, sizes());
    for (float value : scales) {
      if (!(value > 0 && Float.isFinite(value))) {
        throw new InputException(
            "%s holds %s with the scale %s; expected finite numbers greater than zero: convert the checkpoint again, or download it again"
                .formatted(title, Quoted.of(scale.name()), value));
      }
    }
  }

  private static long[] withoutOnes(Shape shape) {
    return Arrays.stream(shape.toArray()).filter(size -> size != 1).toArray();
  }

  /// Returns the scales of every output where several outputs share theirs.
  private float[] spread(float[] given, long rows) {
    long most = rows * scalesPerRow;
    if (rowsPerScale != 1 || given.length == most) {
      return given;
    }
    float[] all = new float[Math.toIntExact(most)];
    int rowsOfBlock = (int) (most / given.length);
    for (int row = 0; row < rows; row++) {
      System.arraycopy(
          given, row / rowsOfBlock * scalesPerRow, all, row * scalesPerRow, scalesPerRow);
    }
    return all;
  }

  private long[] sizes() {
    if (scales.length == 1 || (scalesPerRow == 1 && rowsPerScale == 1)) {
      return new long[] {scales.length};
    }
    return new long[] {scales.length / scalesPerRow, scalesPerRow};
  }

  /// Returns the tensors with every 8-bit float weight joined to its scales. Where one has scales,
  /// or the marker or `isScaled` says so, all have: throws `InputException` when one is missing or
  /// when weights are stored as integers. `title` names the tensors in messages.
  static Map<String, TensorSource> join(
      Map<String, TensorSource> tensors, boolean isScaled, String title) {
    Map<String, TensorSource> joined = joined(tensors, title);
    boolean hasScales =
        isScaled
            || tensors.containsKey(Weights.MARKER)
            || tensors.keySet().stream().anyMatch(JoinedSource::isScale);
    joined.forEach((name, source) -> {
      boolean isInteger = name.contains("weight") && !source.dtype().isFloat();
      if (isInteger || name.endsWith("zero_point")) {
        throw new InputException(
            "%s holds %s (%s), as weights of integers have it; expected a float type, from 8 to 32 bits: choose a version of the checkpoint in bf16 or FP8"
                .formatted(title, Quoted.of(name), source.dtype()));
      }
      if (hasScales && isCode(source) && name.endsWith(WEIGHT)) {
        throw new InputException(
            "%s holds %s in FP8 without its scale; expected %s beside it, as beside the others: convert the checkpoint again, or download it again"
                .formatted(title, Quoted.of(name), Quoted.of(module(name) + SCALES[0])));
      }
    });
    return joined;
  }

  private static boolean isScale(String name) {
    return Arrays.stream(SCALES).anyMatch(name::endsWith);
  }

  private static boolean isCode(TensorSource source) {
    return source.dtype() == DType.F8_E4M3 || source.dtype() == DType.F8_E5M2;
  }

  private static String module(String weight) {
    return weight.substring(0, weight.length() - WEIGHT.length());
  }

  private static Map<String, TensorSource> joined(Map<String, TensorSource> tensors, String title) {
    Map<String, TensorSource> joined = new LinkedHashMap<>();
    Set<String> used = new LinkedHashSet<>();
    tensors.forEach((name, source) -> {
      if (isCode(source) && name.endsWith(WEIGHT)) {
        String module = module(name);
        for (String suffix : SCALES) {
          TensorSource scale = tensors.get(module + suffix);
          if (scale != null && scale.dtype().isFloat()) {
            joined.put(name, new JoinedSource(source, scale, title));
            used.add(module + suffix);
            REMARKS.forEach(remark -> used.add(module + remark));
            return;
          }
        }
      }
      joined.put(name, source);
    });
    joined.keySet().removeAll(used);
    return joined;
  }

  @Override
  public TensorSource codes() {
    return codes;
  }

  @Override
  public Tensor factors() {
    return factors;
  }

  @Override
  public String name() {
    return codes.name();
  }

  @Override
  public Shape shape() {
    return codes.shape();
  }

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public void read(long offset, MemorySegment target) {
    RowSource.read(offset, target, bytes(), rowLength, this::row);
  }

  private float[] row(int index) {
    float[] row = FloatReader.read(codes, (long) index * rowLength, rowLength);
    int first = index / rowsPerScale * scalesPerRow;
    for (int j = 0; j < rowLength; j++) {
      row[j] *= scales[first + j / columnsPerScale];
    }
    return row;
  }
}
