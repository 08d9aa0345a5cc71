package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.Scope;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The host half of quantizeheads.cu: codes of queries, keys and values, and the statistics that
/// they go by.
public final class HeadCodeKernels {
  private static final String FILE = "quantizeheads.cu";
  private static final int SUM_TOKENS = DeviceRules.SUM_TOKENS;
  private static final int THREADS = 256;
  private static final int SUM_COLUMNS = 128; // of a block
  private static final int COLUMN_THREADS = 128;
  private static final int JOINED_COLUMNS = 32; // of a block that joins pieces
  private static final int CODES = 8; // of a thread
  private static final int THREAD_TOKENS = 4; // of a thread that makes codes

  /// Rows of heads, float `[tokens, heads, head size]`, of which each begins `stride` elements
  /// after the one before.
  ///
  /// @param address of the first element
  /// @param type float32, bfloat16 or float16
  /// @param stride elements
  public record Rows(long address, DType type, long stride, int tokens, int heads, int headSize) {
    /// Returns a dense tensor's.
    public static Rows of(Tensor x) {
      return new Rows(
          DeviceStorage.address(x),
          x.dtype(),
          (long) x.length(1) * x.length(2),
          x.length(0),
          x.length(1),
          x.length(2));
    }

    private int columns() {
      return heads * headSize;
    }
  }

  /// How rows become codes.
  ///
  /// @param codes int8 or E4M3
  /// @param group how many neighbouring tokens of all ranks' share a scale
  public record Coding(DType codes, int group) {}

  private record Key(String name, int heads, int headSize, DType input, Coding coding) {}

  private final Device device;
  private final DeviceMemory memory;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public HeadCodeKernels(Device device, DeviceMemory memory) {
    this.device = device;
    this.memory = memory;
  }

  /// Writes the sums of all rows, float64 `[columns]`, from element `at` of `sums` on, and the
  /// number of rows as its last element.
  public void sums(Rows x, Tensor sums, long at, Coding coding) {
    int pieces = Math.ceilDiv(x.tokens, SUM_TOKENS);
    try (Scope _ = memory.scope()) {
      Tensor partial = memory.empty(DType.F64, Shape.of((long) pieces * x.columns()));
      add(x).add(x.tokens).add(DeviceStorage.address(partial));
      launch("columnSums", x, coding, Math.ceilDiv(x.columns(), SUM_COLUMNS), pieces, THREADS);
      long start = DeviceStorage.address(sums);
      device
          .arguments()
          .add(DeviceStorage.address(partial))
          .add(pieces)
          .add(x.tokens)
          .add(start + at * Double.BYTES)
          .add(start + (sums.count() - 1) * Double.BYTES);
      launchJoin("finishSums", x, coding);
    }
  }

  /// Writes means, float32 `[columns]`, from sums from element `at` on and the number behind them.
  public void means(Rows x, Tensor sums, long at, Tensor means, Coding coding) {
    long start = DeviceStorage.address(sums);
    device
        .arguments()
        .add(start + at * Double.BYTES)
        .add(start + (sums.count() - 1) * Double.BYTES)
        .add(DeviceStorage.address(means));
    launchColumns("means", x, coding);
  }

  /// Writes the largest distance from the means of each group of rows in a head, `first` being the
  /// place of the first row among all ranks', to float32 `largest [heads, groups, 1]`.
  public void tokenLargest(Rows x, Tensor means, int first, Tensor largest, Coding coding) {
    largest("tokenLargest", x, means, first, largest, coding);
  }

  /// Writes the same in each channel, to float32 `largest [heads, groups, head size]`.
  public void columnLargest(Rows x, Tensor means, int first, Tensor largest, Coding coding) {
    largest("columnLargest", x, means, first, largest, coding);
  }

  private void largest(
      String name, Rows x, Tensor means, int first, Tensor largest, Coding coding) {
    int groups = (first + x.tokens - 1) / coding.group - first / coding.group + 1;
    add(x)
        .add(DeviceStorage.address(means))
        .add(first)
        .add(x.tokens)
        .add(largest.length(1))
        .add(DeviceStorage.address(largest));
    launch(name, x, coding, groups, x.heads, x.headSize);
  }

  /// Writes the largest of all groups' magnitudes, to float32 `largest [heads, 1, head size]`.
  public void finishLargest(Rows x, Tensor partial, Tensor largest, Coding coding) {
    device
        .arguments()
        .add(DeviceStorage.address(partial))
        .add(partial.length(1))
        .add(DeviceStorage.address(largest));
    launch("finishLargest", x, coding, Math.ceilDiv(x.headSize, JOINED_COLUMNS), x.heads, THREADS);
  }

  /// Writes the inverses of the scales that magnitudes call for.
  public void inverses(Rows x, Tensor largest, Tensor scales, Coding coding) {
    device
        .arguments()
        .add(DeviceStorage.address(largest))
        .add(DeviceStorage.address(scales))
        .add(largest.count());
    int blocks = Math.toIntExact(Math.ceilDiv(largest.count(), THREADS));
    launch("inverses", x, coding, blocks, 1, THREADS);
  }

  /// Writes codes of rows with a scale for each group of a head.
  public void quantizeTokens(
      Rows x, Tensor means, Tensor largest, int first, Tensor codes, Coding coding) {
    quantize("quantizeTokens", x, means, largest, first, codes, coding);
  }

  /// Writes codes of rows with scales for each group, or all, of a channel.
  public void quantizeColumns(
      Rows x, Tensor means, Tensor largest, int first, Tensor codes, Coding coding) {
    quantize("quantizeColumns", x, means, largest, first, codes, coding);
  }

  private void quantize(
      String name, Rows x, Tensor means, Tensor largest, int first, Tensor codes, Coding coding) {
    add(x)
        .add(DeviceStorage.address(means))
        .add(DeviceStorage.address(largest))
        .add(first)
        .add(x.tokens)
        .add(largest.length(1))
        .add(DeviceStorage.address(codes));
    launchCodes(name, x, coding);
  }

  /// Writes codes of rows with a scale for each head of each row, and its inverse.
  public void quantizeQueries(Rows x, Tensor codes, Tensor scales, Coding coding) {
    device
        .arguments()
        .add(x.address)
        .add(x.tokens)
        .add(DeviceStorage.address(codes))
        .add(DeviceStorage.address(scales));
    launchCodes("quantizeQueries", x, coding);
  }

  /// What attention's kernels take of values' codes.
  ///
  /// @param codes `[heads, head size, padded keys]`
  /// @param means float32 `[heads · head size]`, to be added to weighted means of what codes stand
  ///   for
  record Transposed(Tensor codes, Tensor means) {}

  /// Returns the values' codes as attention's kernels take them, in the innermost scope.
  Transposed transposed(QuantizedHeads heads) {
    int padded = DeviceRules.paddedKeys(heads.keys());
    Tensor target =
        memory.empty(
            DType.U8, Shape.of(DeviceRules.transposedBytes(heads.keys(), heads.value().shape())));
    Tensor means = memory.empty(DType.F32, heads.valueMeans().shape());
    Rows x =
        new Rows(
            DeviceStorage.address(heads.value()),
            DType.BF16, // what it was of does not matter here
            0,
            heads.keys(),
            heads.heads(),
            heads.headSize());
    int groups = heads.valueScales().length(1);
    Coding coding = new Coding(heads.value().dtype(), Math.max(1, heads.format().valueGroup()));
    int blocks = Math.ceilDiv(padded, DeviceRules.TRANSPOSED_TOKENS);
    try (Scope _ = memory.scope()) {
      Tensor sums = memory.empty(DType.F64, Shape.of((long) blocks * x.columns()));
      device
          .arguments()
          .add(x.address)
          .add(DeviceStorage.address(heads.valueScales()))
          .add(x.tokens)
          .add(groups)
          .add(padded)
          .add(DeviceStorage.address(target))
          .add(DeviceStorage.address(sums));
      launch("transpose", x, coding, blocks, x.heads, THREADS);
      device
          .arguments()
          .add(DeviceStorage.address(sums))
          .add(blocks)
          .add(x.tokens)
          .add(DeviceStorage.address(heads.valueMeans()))
          .add(DeviceStorage.address(means));
      launchJoin("finishMeans", x, coding);
    }
    return new Transposed(target, means);
  }

  private KernelArguments add(Rows x) {
    return device.arguments().add(x.address).add(x.stride);
  }

  private void launchColumns(String name, Rows x, Coding coding) {
    int blocks = Math.ceilDiv(x.columns(), COLUMN_THREADS);
    launch(name, x, coding, blocks, 1, COLUMN_THREADS);
  }

  private void launchJoin(String name, Rows x, Coding coding) {
    launch(name, x, coding, Math.ceilDiv(x.columns(), JOINED_COLUMNS), 1, THREADS);
  }

  private void launchCodes(String name, Rows x, Coding coding) {
    long threads = (long) Math.ceilDiv(x.tokens, THREAD_TOKENS) * (x.columns() / CODES);
    launch(name, x, coding, Math.toIntExact(Math.ceilDiv(threads, THREADS)), 1, THREADS);
  }

  private void launch(String name, Rows x, Coding coding, int blocks, int rows, int threads) {
    Key key = new Key(name, x.heads, x.headSize, x.type, coding);
    Kernel kernel =
        kernels.computeIfAbsent(
            key,
            _ ->
                device.kernel(
                    FILE,
                    name,
                    Map.of(
                        "HEADS", x.heads,
                        "HEAD_SIZE", x.headSize,
                        "INPUT", ElementType.of(x.type),
                        "IS_INTEGER", coding.codes == DType.I8,
                        "GROUP", coding.group)));
    device.launch(kernel, LaunchShape.of(blocks, rows, threads));
  }
}
