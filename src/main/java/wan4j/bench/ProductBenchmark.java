package wan4j.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.Task;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.Precisions;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.quant.Branch;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.TransformerConfig;

/// The linear layers of a block one by one, with bias, on inputs that already have the layer's
/// format.
public final class ProductBenchmark {
  private ProductBenchmark() {}

  /// A layer's shape, and how many of it a block has.
  private record Layer(int outputs, int inputs, int count) {}

  /// Measures each shape of a block on a number of rows, and all of them together as a block has
  /// them.
  public static List<Measurement> run(Workbench bench, Task task, int rows) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int dim = config.dim();
    int wide = config.feedForwardDim();
    List<Layer> layers =
        List.of(
            new Layer(3 * dim, dim, 1), // queries, keys and values
            new Layer(dim, dim, 3), // both attentions' outputs, the text's queries
            new Layer(wide, dim, 1),
            new Layer(dim, wide, 1));
    List<Measurement> results = new ArrayList<>();
    double[] total = new double[bench.settings().runs()];
    double operations = 0;
    Map<String, Object> common = bench.parameters();
    common.put("task", task.spelling());
    common.put("rows", rows);
    for (Layer layer : layers) {
      double[] times = times(bench, rows, layer.outputs, layer.inputs);
      double each = 2.0 * rows * layer.outputs * layer.inputs;
      Map<String, Object> parameters = new LinkedHashMap<>(common);
      parameters.put("outputs", layer.outputs);
      parameters.put("inputs", layer.inputs);
      results.add(Measurement.of("gemm", parameters, "time", "ms", times));
      results.add(
          Measurement.of("gemm", parameters, "rate", "TFLOP/s", Rates.teraflops(each, times)));
      int count = layer.count;
      operations += count * each;
      IntStream.range(0, total.length).forEach(i -> total[i] += count * times[i]);
    }
    results.add(Measurement.of("gemm", common, "time of a block's layers", "ms", total));
    results.add(
        Measurement.of(
            "gemm",
            common,
            "rate of a block's layers",
            "TFLOP/s",
            Rates.teraflops(operations, total)));
    return results;
  }

  private static double[] times(Workbench bench, int rows, int outputs, int inputs) {
    Ops ops = bench.ops();
    TensorSource weight =
        new RandomSource(
            "weight", Shape.of(outputs, inputs), 1L << 56, 0, (float) (1 / Math.sqrt(inputs)));
    TensorSource bias = new RandomSource("bias", Shape.of(outputs), 2L << 56, 0, 0.1f);
    TensorSource input = new RandomSource("input", Shape.of(rows, inputs), 3L << 56, 0, 1);
    try (Parameters parameters = ops.parameters();
        var _ = ops.scope()) {
      Linear layer =
          parameters.linear(
              List.of(weight), List.of(bias), Precisions.of(bench.settings().recipe()));
      Tensor x = parameters.tensor(input, ops.activation());
      Operand operand = ops.operand(x, layer.input(Branch.CONDITIONAL));
      return bench
          .times(() -> {
            try (var _ = ops.scope()) {
              ops.linear(operand, layer, Activation.NONE);
            }
          })[0];
    }
  }
}
