package wan4j.bench;

import static wan4j.bench.measure.LayerMetrics.BEYOND;
import static wan4j.bench.measure.LayerMetrics.ERROR;
import static wan4j.bench.measure.LayerMetrics.EXACT_SUMS;
import static wan4j.bench.measure.LayerMetrics.FLOOR;
import static wan4j.bench.measure.LayerMetrics.RATIO;
import static wan4j.bench.measure.LayerMetrics.TIME;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.LayerInputs;
import wan4j.bench.random.RandomWeights;
import wan4j.cuda.CudaOps;
import wan4j.engine.Precisions;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.quant.Branch;
import wan4j.quant.DelayedScalingState;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.verify.Comparison;
import wan4j.weights.TransformerConfig;

/// How far the linear layers of a block are from their float32 results in each FP8 recipe, on
/// inputs with and without outliers, beside the recipe's floor: the error of the recipe's scalar
/// code with an exact product. The floor is the rounding to E4M3 alone; what the backend's kernels
/// and its sums add to it shows in the ratio of the two.
public final class LayerErrorBenchmark {
  private static final String NAME = "layers";
  private static final int COMPARED_ROWS = 32; // of each group, at most
  private static final double BIAS = 0.01; // takes the fused path, and is too small to hide errors

  private final Workbench bench;
  private final Ops ops;
  private final Layer layer;
  private final int rows;
  private final Tensor weight;
  private final List<Measurement> results;

  private LayerErrorBenchmark(Workbench bench, Layer layer, int rows, List<Measurement> results) {
    this.bench = bench;
    this.ops = bench.ops();
    this.layer = layer;
    this.rows = rows;
    this.results = results;
    weight = LayerInputs.NORMAL.draw(1, layer.outputs, layer.inputs, 1 / Math.sqrt(layer.inputs));
  }

  /// A layer of a block: its shape and the function that follows it.
  ///
  /// @param hasGeluInputs whether the layer before it ends in GELU
  record Layer(String name, int outputs, int inputs, Activation function, boolean hasGeluInputs) {}

  /// The layer on one kind of inputs: on the host and on the device, and the compared rows of its
  /// float32 result.
  private record Trial(
      LayerInputs kind,
      Map<String, Object> parameters,
      Tensor host,
      Tensor inputs,
      Tensor expected) {}

  /// Measures the layers of a task's transformer on a number of rows, in the settings' recipe or,
  /// without one, in all four; throws `InputException` for too few rows.
  public static List<Measurement> run(Workbench bench, Task task, int rows) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int dim = config.dim();
    int wide = config.feedForwardDim();
    return run(
        bench,
        task,
        List.of(
            new Layer("query, key, value", 3 * dim, dim, Activation.NONE, false),
            new Layer("attention's output", dim, dim, Activation.NONE, false),
            new Layer("up and GELU", wide, dim, Activation.GELU_TANH, false),
            new Layer("down", dim, wide, Activation.NONE, true)),
        rows);
  }

  /// Measures layers on a number of rows.
  static List<Measurement> run(Workbench bench, Task task, List<Layer> layers, int rows) {
    if (rows < 2 * LayerInputs.ROW_GROUPS) {
      throw new InputException(
          "--rows got %d; comparing rows needs %d or more"
              .formatted(rows, 2 * LayerInputs.ROW_GROUPS));
    }
    List<Measurement> results = new ArrayList<>();
    for (Layer layer : layers) {
      Map<String, Object> parameters = bench.parameters();
      parameters.remove("recipe"); // every figure's name tells its own
      parameters.put("task", task.spelling());
      parameters.put("layer", layer.name);
      parameters.put("outputs", layer.outputs);
      parameters.put("inputs", layer.inputs);
      parameters.put("rows", rows);
      new LayerErrorBenchmark(bench, layer, rows, results).measure(parameters);
    }
    return results;
  }

  private void measure(Map<String, Object> common) {
    try (Parameters exact = ops.parameters()) {
      Linear reference = load(exact, weight, Precision.FLOAT32);
      Map<Granularity, Linear> rounded = new EnumMap<>(Granularity.class);
      for (LayerInputs kind : LayerInputs.values()) {
        if (kind == LayerInputs.GELU && !layer.hasGeluInputs) {
          continue;
        }
        Map<String, Object> parameters = new LinkedHashMap<>(common);
        parameters.put("activations", kind.title());
        try (var _ = ops.scope()) {
          Tensor host = kind.draw(2, rows, layer.inputs, 1);
          Tensor inputs = ops.upload(host, ops.activation());
          Operand operand = ops.operand(inputs, reference.input(Branch.CONDITIONAL));
          Trial trial = new Trial(kind, parameters, host, inputs, comparedRows(reference, operand));
          for (Quantization.Recipe recipe : recipes()) {
            Precision precision = Precisions.of(recipe);
            Linear ideal =
                rounded.computeIfAbsent(
                    precision.weightGranularity(),
                    granularity -> load(exact, rounded(granularity, precision), Precision.FLOAT32));
            measure(trial, recipe, floorRows(trial, precision, ideal));
          }
        }
      }
    }
  }

  private List<Quantization.Recipe> recipes() {
    Quantization.Recipe chosen = bench.settings().recipe();
    return chosen == Quantization.Recipe.NONE ? Quantization.Recipe.named() : List.of(chosen);
  }

  private Tensor rounded(Granularity granularity, Precision precision) {
    return Float8Quantizer.dequantize(
        Float8Quantizer.quantize(weight, granularity, precision.scaleRule()));
  }

  /// Measures a recipe; `ideal` holds what its scalar code and an exact product give.
  private void measure(Trial trial, Quantization.Recipe recipe, Tensor ideal) {
    String name = recipe.spelling();
    try (Parameters own = ops.parameters();
        var _ = ops.scope()) {
      Linear linear = load(own, weight, Precisions.of(recipe));
      if (recipe == Quantization.Recipe.DELAYED) {
        // an earlier forward, of other tokens
        ops.operand(earlier(trial.inputs), linear.input(Branch.CONDITIONAL));
      }
      Operand operand = ops.operand(trial.inputs, linear.input(Branch.CONDITIONAL));
      Tensor found = comparedRows(linear, operand);
      double error = distance(found, trial.expected);
      double floor = distance(ideal, trial.expected);
      add(trial, name + ERROR, "%", 100 * error);
      add(trial, name + FLOOR, "%", 100 * floor);
      add(trial, name + RATIO, "times", error / floor);
      double beyond = distance(found, ideal);
      add(trial, name + BEYOND, "%", 100 * beyond);
      if (bench.backend() instanceof CudaOps cuda && recipe != Quantization.Recipe.BLOCK) {
        compareSums(cuda, trial, linear, operand, ideal, name);
      }
    }
  }

  /// Compares the tensor cores' fast accumulation with accumulation in float32.
  private void compareSums(
      CudaOps cuda, Trial trial, Linear linear, Operand operand, Tensor ideal, String recipe) {
    String name = recipe + EXACT_SUMS;
    cuda.sumFast(false);
    Tensor found = comparedRows(linear, operand);
    double error = distance(found, trial.expected);
    double floor = distance(ideal, trial.expected);
    add(trial, name + RATIO, "times", error / floor);
    double beyond = distance(found, ideal);
    add(trial, name + BEYOND, "%", 100 * beyond);
    if (trial.kind == LayerInputs.NORMAL) {
      double[][] times =
          bench.times(
              () -> product(cuda, linear, operand, true),
              () -> product(cuda, linear, operand, false));
      add(trial, recipe + TIME, "ms", times[0]);
      add(trial, name + TIME, "ms", times[1]);
    }
    cuda.sumFast(true);
  }

  private void product(CudaOps cuda, Linear linear, Operand operand, boolean isFast) {
    cuda.sumFast(isFast);
    try (var _ = ops.scope()) {
      ops.linear(operand, linear, layer.function);
    }
  }

  /// Returns the compared rows of the layer's result.
  private Tensor comparedRows(Linear linear, Operand operand) {
    try (var _ = ops.scope()) {
      Tensor result = ops.linear(operand, linear, layer.function);
      Tensor[] parts = new Tensor[LayerInputs.ROW_GROUPS];
      for (int group = 0; group < parts.length; group++) {
        parts[group] = ops.download(part(result, group));
      }
      return together(parts);
    }
  }

  /// Returns the compared rows as the recipe's scalar code and a float32 product give them.
  private Tensor floorRows(Trial trial, Precision precision, Linear ideal) {
    Tensor[] parts = new Tensor[LayerInputs.ROW_GROUPS];
    for (int group = 0; group < parts.length; group++) {
      parts[group] = part(trial.host, group);
    }
    Tensor compared = together(parts);
    Float8Matrix matrix =
        switch (precision) {
          case FLOAT8_CURRENT ->
              Float8Quantizer.quantize(compared, precision.scaleRule().scale(largest(trial.host)));
          case FLOAT8_DELAYED -> Float8Quantizer.quantize(compared, delayedScale(trial.host));
          case FLOAT8_TOKEN ->
              Float8Quantizer.quantize(compared, Granularity.ROW, precision.scaleRule());
          case FLOAT8_BLOCK ->
              Float8Quantizer.quantize(compared, Granularity.BLOCK_1X128, precision.scaleRule());
          case FLOAT32, PLAIN -> throw new IllegalArgumentException(precision + " has no scales");
        };
    try (var _ = ops.scope()) {
      Tensor x = ops.upload(Float8Quantizer.dequantize(matrix), DType.F32);
      return ops.download(ops.linear(new Operand.Plain(x), ideal, layer.function));
    }
  }

  private static double distance(Tensor found, Tensor expected) {
    return Comparison.relativeError(found.toFloats(), expected.toFloats());
  }

  private static float largest(Tensor host) {
    return Float8Quantizer.largestMagnitudes(host, Granularity.TENSOR)[0];
  }

  /// The scale after a forward of the earlier rows.
  private static float delayedScale(Tensor host) {
    DelayedScalingState state = new DelayedScalingState();
    float magnitude = largest(earlier(host));
    state.calibrate(magnitude);
    state.record(magnitude);
    state.update();
    return state.scale();
  }

  private static Tensor earlier(Tensor x) {
    return x.slice(0, x.length(0) / 2);
  }

  private Tensor part(Tensor x, int group) {
    // never the group's last row, which may be a large one
    int count = Math.min(COMPARED_ROWS, rows / LayerInputs.ROW_GROUPS - 1);
    return x.slice(LayerInputs.firstRow(group, rows), count);
  }

  private static Tensor together(Tensor[] parts) {
    int count = parts[0].length(0);
    Tensor whole =
        LayerInputs.onHost(parts[0].dtype(), (long) parts.length * count, parts[0].length(1));
    for (int i = 0; i < parts.length; i++) {
      whole.slice((long) i * count, count).segment().copyFrom(parts[i].segment());
    }
    return whole;
  }

  private static Linear load(Parameters parameters, Tensor weight, Precision precision) {
    Tensor bias = LayerInputs.NORMAL.draw(3, weight.length(0), 1, BIAS);
    return parameters.linear(
        List.of(TensorSource.of("weight", weight)),
        List.of(TensorSource.of("bias", bias.reshape(bias.count()))),
        precision);
  }

  private void add(Trial trial, String metric, String unit, double... values) {
    results.add(Measurement.of(NAME, trial.parameters, metric, unit, values));
  }
}
