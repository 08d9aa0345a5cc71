package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.Heads;
import wan4j.ops.QuantizedHeads;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of rope.cu: queries, keys and values from their common product.
public final class RopeKernels {
  private static final int CODES = 8; // of a thread

  /// `query` is the type of queries where they are codes, else null.
  private record Key(
      int columns, int headSize, int vector, DType input, DType weight, DType query) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public RopeKernels(Device device) {
    this.device = device;
  }

  /// Normalises, rotates and lays out heads in one pass; both weights are of one type.
  public void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    run(
        qkv,
        queryWeight,
        keyWeight,
        epsilon,
        rope,
        target.query(),
        target.key(),
        DeviceStorage.address(target.value()),
        0);
  }

  /// The same where queries may become codes, with a scale for each head of a row; keys go to `key`
  /// as they are, and so do values unless they become codes later.
  public void queryKeyValue(
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor rope,
      Tensor key,
      QuantizedHeads target) {
    EightBit format = target.format();
    run(
        qkv,
        queryWeight,
        keyWeight,
        epsilon,
        rope,
        target.query(),
        key,
        format.hasNarrowValues() ? 0 : DeviceStorage.address(target.value()),
        format.hasNarrowScores() ? DeviceStorage.address(target.queryScales()) : 0);
  }

  /// Values stay where `value` is 0.
  private void run(
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor rope,
      Tensor query,
      Tensor key,
      long value,
      long queryScales) {
    int tokens = qkv.length(0);
    int columns = qkv.length(1) / 3;
    int headSize = query.length(2);
    int vector = Tiling.vector(headSize, qkv, queryWeight, keyWeight, rope);
    DType codes = queryScales == 0 ? null : query.dtype();
    if (codes != null && vector != CODES) {
      throw new IllegalArgumentException(
          "got qkv %s and heads of %d whose rows are not aligned, expected heads in multiples of 8 for 8-bit queries"
              .formatted(qkv, headSize));
    }
    if (tokens == 0) {
      return;
    }
    device
        .arguments()
        .add(DeviceStorage.address(qkv))
        .add(DeviceStorage.address(queryWeight))
        .add(DeviceStorage.address(keyWeight))
        .add(DeviceStorage.address(rope))
        .add(DeviceStorage.address(query))
        .add(DeviceStorage.address(key))
        .add(value)
        .add(queryScales)
        .add((float) epsilon);
    Key kernel = new Key(columns, headSize, vector, qkv.dtype(), queryWeight.dtype(), codes);
    int parts = value == 0 ? 2 : 3;
    device.launch(
        kernel(kernel), LaunchShape.of(tokens, parts, Tiling.rowThreads(columns / vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "rope.cu",
                "queryKeyValue",
                Map.of(
                    "COLUMNS",
                    key.columns,
                    "HEAD_SIZE",
                    key.headSize,
                    "VECTOR",
                    key.vector,
                    "THREADS",
                    Tiling.rowThreads(key.columns / key.vector),
                    "INPUT",
                    ElementType.of(key.input),
                    "WEIGHT",
                    ElementType.of(key.weight),
                    "QUERY",
                    key.query == null ? 0 : key.query == DType.I8 ? 1 : 2)));
  }
}
