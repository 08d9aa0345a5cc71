package wan4j.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Task;
import wan4j.bench.measure.Distances;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.bench.random.RandomWeights;
import wan4j.cuda.CudaOps;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// Attention alone; on a GPU in bfloat16 our own kernel and cuDNN.
public final class AttentionBenchmark {
  private AttentionBenchmark() {}

  /// Measures attention of some of the heads of a task's transformer from a number of tokens over a
  /// number of keys; on a GPU in bfloat16 by our own kernel, even where the backend would not
  /// choose it, and by cuDNN in alternation.
  public static List<Measurement> run(Workbench bench, Task task, int tokens, int keys, int heads) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int size = config.headDim();
    if (tokens < 1 || keys < 1 || heads < 1) {
      throw new InputException(
          "got %d tokens, %d keys and %d heads; give 1 or more of each"
              .formatted(tokens, keys, heads));
    }
    bench.requireNoRecipe("attention");
    Ops ops = bench.ops();
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", task.spelling());
    if (config.heads() % heads == 0) {
      parameters.put("share", config.heads() / heads);
    }
    parameters.put("attention", bench.attention(size, false));
    parameters.put("tokens", tokens);
    parameters.put("keys", keys);
    parameters.put("heads", heads);
    parameters.put("head size", size);
    double operations = 4.0 * tokens * keys * heads * size;
    double scale = 1 / Math.sqrt(size);
    List<Measurement> results = new ArrayList<>();
    try (Parameters inputs = ops.parameters();
        var _ = ops.scope()) {
      Heads random =
          new Heads(
              random(inputs, ops, 1, tokens, heads, size),
              random(inputs, ops, 2, keys, heads, size),
              random(inputs, ops, 3, keys, heads, size));
      if (bench.backend() instanceof CudaOps cuda && ops.activation() == DType.BF16) {
        Tensor target = ops.empty(DType.BF16, tokens, heads, size);
        double[][] times =
            bench.times(
                () -> cuda.attentionByKernel(random, scale, target),
                () -> cuda.attentionByLibrary(random, scale, target));
        add(results, parameters, "ours", operations, times[0]);
        add(results, parameters, "cuDNN", operations, times[1]);
        Tensor other = ops.empty(DType.BF16, tokens, heads, size);
        cuda.attentionByKernel(random, scale, target);
        cuda.attentionByLibrary(random, scale, other);
        results.add(Distances.toCudnn("attention", parameters, ops, target, other));
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
