package wan4j.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import wan4j.AttentionSettings.Attention;
import wan4j.Task;
import wan4j.bench.measure.Distances;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.bench.random.AttentionData;
import wan4j.bench.random.RandomWeights;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.DeviceLoad;
import wan4j.engine.AttentionChoice;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.AttentionPlan;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.TransformerConfig;

/// Attention alone, of wan4j's kernels in every precision beside cuDNN's on a GPU in bfloat16.
public final class AttentionBenchmark {
  private static final int DENSITY = 4; // of lists of key blocks: one of so many
  private static final long LOAD_NANOSECONDS = 1_200_000_000; // power is an average of a second
  private static final int AHEAD = 4; // runs that are under way when clock and power are read
  private static final int SAMPLES = 256; // rows that are compared with float64 ones

  // So many rows are whole items of every block, whose keys are not cut, as in a video.
  private static final int ROWS = AttentionPlan.MOST_BLOCKS * 192;

  private static final List<Attention> NARROW =
      List.of(Attention.INT8, Attention.FP8, Attention.INT8QK, Attention.INT8PV);

  /// What a benchmark measures.
  ///
  /// @param tokens queries
  /// @param isListed whether attention over a quarter of the keys is measured too
  /// @param hasErrors whether the errors on several kinds of data are measured too
  public record Sizes(int tokens, int keys, int heads, boolean isListed, boolean hasErrors) {
    /// Throws `InputException` where there is nothing to measure.
    public Sizes {
      if (tokens < 1 || keys < 1 || heads < 1) {
        throw new InputException(
            "got %d tokens, %d keys and %d heads; give 1 or more of each"
                .formatted(tokens, keys, heads));
      }
    }
  }

  private AttentionBenchmark() {}

  /// Measures attention of some of the heads of a task's transformer from a number of tokens over a
  /// number of keys; on a GPU in bfloat16 by cuDNN and by wan4j's kernels in every precision,
  /// whether the backend would choose them or not, which take turns. What has 8 bits includes their
  /// making from bfloat16.
  public static List<Measurement> run(Workbench bench, Task task, Sizes sizes) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int size = config.headDim();
    bench.requireNoRecipe("attention");
    Ops ops = bench.ops();
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", task.spelling());
    if (config.heads() % sizes.heads == 0) {
      parameters.put("share", config.heads() / sizes.heads);
    }
    parameters.put("attention", bench.attention(size, false));
    parameters.put("tokens", sizes.tokens);
    parameters.put("keys", sizes.keys);
    parameters.put("heads", sizes.heads);
    parameters.put("head size", size);
    double operations = 4.0 * sizes.tokens * sizes.keys * sizes.heads * size;
    double scale = 1 / Math.sqrt(size);
    List<Measurement> results = new ArrayList<>();
    try (Parameters inputs = ops.parameters();
        var _ = ops.scope()) {
      Heads random =
          new Heads(
              random(inputs, ops, 1, sizes.tokens, sizes.heads, size),
              random(inputs, ops, 2, sizes.keys, sizes.heads, size),
              random(inputs, ops, 3, sizes.keys, sizes.heads, size));
      if (bench.backend() instanceof CudaOps cuda && ops.activation() == DType.BF16) {
        Tensor target = ops.empty(DType.BF16, sizes.tokens, sizes.heads, size);
        Map<String, Runnable> sides = new LinkedHashMap<>();
        sides.put("ours", () -> cuda.attentionByKernel(random, scale, target));
        sides.put("cuDNN", () -> cuda.attentionByLibrary(random, scale, target));
        if (DeviceRules.fitsEightBitAttention(DType.BF16, size)) {
          NARROW.forEach(attention ->
              sides.put(attention.spelling(), () -> narrow(cuda, random, attention, null, scale)));
        }
        if (sizes.isListed) {
          addListed(sides, cuda, random, scale);
        }
        double[][] times = bench.times(sides.values().toArray(Runnable[]::new));
        int index = 0;
        for (Map.Entry<String, Runnable> side : sides.entrySet()) {
          add(results, parameters, side.getKey(), operations, times[index]);
          if (sizes.hasErrors) {
            addLoad(results, parameters, side, ops, times[index]);
          }
          index++;
        }
        Tensor other = ops.empty(DType.BF16, sizes.tokens, sizes.heads, size);
        cuda.attentionByKernel(random, scale, target);
        cuda.attentionByLibrary(random, scale, other);
        results.add(Distances.toCudnn("attention", parameters, ops, target, other));
        if (sizes.hasErrors && DeviceRules.fitsEightBitAttention(DType.BF16, size)) {
          for (AttentionData.Kind kind : AttentionData.Kind.values()) {
            errors(results, parameters, cuda, AttentionData.of(kind, ROWS, sizes.keys, size), kind);
          }
        }
        return results;
      }
      double[] times =
          bench
              .times(() -> {
                try (var _ = ops.scope()) {
                  ops.attention(random, scale, OperandFormat.Simple.PLAIN);
                }
              })[0];
      add(results, parameters, "ours", operations, times);
      return results;
    }
  }

  /// Adds clock, power and cycles under a second of nothing but this work.
  private static void addLoad(
      List<Measurement> results,
      Map<String, Object> common,
      Map.Entry<String, Runnable> side,
      Ops ops,
      double[] times) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < LOAD_NANOSECONDS) {
      side.getValue().run();
      side.getValue().run();
      ops.synchronize();
    }
    for (int i = 0; i < AHEAD; i++) {
      side.getValue().run();
    }
    Optional<DeviceLoad> load = DeviceLoad.now(0);
    ops.synchronize();
    Map<String, Object> parameters = new LinkedHashMap<>(common);
    parameters.put("by", side.getKey());
    load.ifPresent(now -> {
      double[] cycles = Arrays.stream(times).map(time -> time * now.megahertz() / 1e3).toArray();
      results.add(Measurement.of("attention", parameters, "clock", "MHz", now.megahertz()));
      results.add(Measurement.of("attention", parameters, "power", "W", now.watts()));
      results.add(Measurement.of("attention", parameters, "cycles", "million", cycles));
    });
  }

  /// Attends once in 8 bits, from heads in bfloat16, over all keys or over `blocks` of them (null
  /// for all).
  private static void narrow(
      CudaOps ops, Heads heads, Attention attention, KeyBlocks blocks, double scale) {
    try (var _ = ops.scope()) {
      attend(ops, input(ops, heads, attention), blocks, scale);
    }
  }

  private static AttentionInput input(CudaOps ops, Heads heads, Attention attention) {
    return switch (AttentionChoice.format(attention)) {
      case AttentionFormat.Simple.PLAIN -> heads;
      case AttentionFormat.EightBit format -> {
        QuantizedHeads target =
            QuantizedHeads.of(
                ops, format, heads.queries(), heads.keys(), heads.heads(), heads.headSize());
        ops.writeHeads(heads, SequenceGroup.SOLO, target);
        yield target;
      }
    };
  }

  private static Tensor attend(CudaOps ops, AttentionInput input, KeyBlocks blocks, double scale) {
    return blocks == null
        ? ops.attention(input, scale, OperandFormat.Simple.PLAIN).values()
        : ops.attention(input, blocks, scale, OperandFormat.Simple.PLAIN).values();
  }

  /// Adds attention over a quarter of the key blocks, in every precision.
  private static void addListed(
      Map<String, Runnable> sides, CudaOps cuda, Heads random, double scale) {
    List<Attention> all = new ArrayList<>(NARROW);
    all.addFirst(Attention.BF16);
    for (Attention attention : all) {
      KeyBlocks blocks = quarter(cuda, random, AttentionChoice.format(attention));
      sides.put(
          attention.spelling() + ", 25 % of the key blocks",
          () -> narrow(cuda, random, attention, blocks, scale));
    }
  }

  /// Lists every fourth block, from another one on for each tile.
  private static KeyBlocks quarter(CudaOps ops, Heads heads, AttentionFormat format) {
    int tiles = Math.ceilDiv(heads.queries(), KeyBlocks.queries(format));
    int all = Math.ceilDiv(heads.keys(), KeyBlocks.KEYS);
    int most = Math.ceilDiv(all, DENSITY);
    int[] counts = new int[heads.heads() * tiles];
    int[] blocks = new int[counts.length * most];
    for (int list = 0; list < counts.length; list++) {
      for (int block = list % DENSITY; block < all; block += DENSITY) {
        blocks[list * most + counts[list]++] = block;
      }
    }
    return new KeyBlocks(
        ops.upload(Tensor.of(counts, heads.heads(), tiles), DType.I32),
        ops.upload(Tensor.of(blocks, heads.heads(), tiles, most), DType.I32));
  }

  /// Adds each precision's distance from float64 rows on one head of data.
  private static void errors(
      List<Measurement> results,
      Map<String, Object> common,
      CudaOps ops,
      AttentionData data,
      AttentionData.Kind kind) {
    double scale = 1 / Math.sqrt(data.query().length(2));
    int[] rows = IntStream.range(0, SAMPLES).map(i -> i * (ROWS / SAMPLES)).toArray();
    float[] expected = data.rows(rows, scale);
    try (var _ = ops.scope()) {
      Heads heads =
          new Heads(
              ops.upload(data.query(), DType.BF16),
              ops.upload(data.key(), DType.BF16),
              ops.upload(data.value(), DType.BF16));
      Map<String, Tensor> got = new LinkedHashMap<>();
      Tensor library = ops.empty(DType.BF16, data.query().shape().toArray());
      Tensor kernel = ops.empty(DType.BF16, data.query().shape().toArray());
      ops.attentionByKernel(heads, scale, kernel);
      ops.attentionByLibrary(heads, scale, library);
      got.put("ours", kernel);
      got.put("cuDNN", library);
      for (Attention attention : NARROW) {
        got.put(attention.spelling(), attend(ops, input(ops, heads, attention), null, scale));
      }
      for (Map.Entry<String, Tensor> entry : got.entrySet()) {
        Map<String, Object> parameters = new LinkedHashMap<>(common);
        parameters.put("by", entry.getKey());
        parameters.put("data", kind.title());
        double error =
            Comparison.relativeError(
                picked(ops.download(entry.getValue()).toFloats(), rows, expected), expected);
        results.add(Measurement.of("attention", parameters, "relative L2 to float64", "", error));
      }
    }
  }

  /// Returns some rows, one after the other, as many numbers as are expected.
  private static float[] picked(float[] all, int[] rows, float[] expected) {
    int size = expected.length / rows.length;
    float[] picked = new float[expected.length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(all, rows[i] * size, picked, i * size, size);
    }
    return picked;
  }

  private static void add(
      List<Measurement> results,
      Map<String, Object> common,
      String side,
      double operations,
      double[] times) {
    Map<String, Object> parameters = new LinkedHashMap<>(common);
    parameters.put("by", side);
    results.add(Measurement.of("attention", parameters, "time", "ms", times));
    results.add(
        Measurement.of(
            "attention", parameters, "rate", "TFLOP/s", Rates.teraflops(operations, times)));
  }

  private static Tensor random(Parameters inputs, Ops ops, long seed, long... sizes) {
    return inputs.tensor(
        new RandomSource("heads", Shape.of(sizes), seed << 56, 0, 1), ops.activation());
  }
}
