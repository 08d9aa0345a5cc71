package wan4j.cuda.bind;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Convolution through cuDNN, channels last: input `[n, depth, height, width, channels]`, weight
/// `[outputs, depth, height, width, channels]`, output like the input, sums in float32.
public final class CudnnConvolution implements AutoCloseable {
  private static final int POINTWISE_ADD = 0;
  private static final long INPUT = 1;
  private static final long WEIGHT = 2;
  private static final long OUTPUT = 3;
  private static final long BIAS = 4;
  private static final long SUM = 100;

  private final CudnnGraph graph;
  private final List<CudnnPlan> plans;
  private final boolean biased;
  private CudnnPlan plan;

  /// What is computed. Lists are of the spatial axes, two or three, outermost first; `biased` adds
  /// `[outputs]` of the tensors' type in the same engine.
  public record Shape(
      Cudnn.Element type,
      long batch,
      long channels,
      long outputs,
      List<Long> input,
      List<Long> kernel,
      List<Long> before,
      List<Long> after,
      List<Long> strides,
      boolean biased) {

    /// Refuses lists of different lengths.
    public Shape {
      input = List.copyOf(input);
      kernel = List.copyOf(kernel);
      before = List.copyOf(before);
      after = List.copyOf(after);
      strides = List.copyOf(strides);
      var axes = input.size();
      if (kernel.size() != axes
          || before.size() != axes
          || after.size() != axes
          || strides.size() != axes) {
        throw new IllegalArgumentException(
            "a convolution over " + axes + " axes needs as many kernel sizes, paddings, strides");
      }
    }

    /// This convolution in words, every field of it: what a file of algorithms knows it by.
    public String key() {
      return "%s %d x %d to %d, input %s, kernel %s, padding %s %s, strides %s%s"
          .formatted(
              type,
              batch,
              channels,
              outputs,
              input,
              kernel,
              before,
              after,
              strides,
              biased ? ", biased" : "");
    }

    /// Sizes of the output's spatial axes.
    public List<Long> output() {
      var sizes = new ArrayList<Long>();
      for (var axis = 0; axis < input.size(); axis++) {
        var padded = input.get(axis) + before.get(axis) + after.get(axis);
        sizes.add((padded - kernel.get(axis)) / strides.get(axis) + 1);
      }
      return sizes;
    }
  }

  private CudnnConvolution(CudnnGraph graph, List<CudnnPlan> plans, boolean biased) {
    this.graph = graph;
    this.plans = List.copyOf(plans);
    plan = plans.getFirst();
    this.biased = biased;
  }

  /// Plans a convolution with the library's first deterministic engine that needs at most
  /// `workspace` bytes; throws where there is none.
  public static CudnnConvolution of(
      long handle, Shape shape, CudnnGraph.Precision precision, long workspace) {
    return of(handle, shape, workspace, graph -> List.of(graph.plan(precision)));
  }

  /// Plans a convolution with the algorithm of an earlier process on the same kind of device, or
  /// null where the library no longer has it or it needs more than `workspace` bytes.
  public static CudnnConvolution of(
      long handle, Shape shape, CudnnGraph.Precision precision, long workspace, String algorithm) {
    return of(
        handle,
        shape,
        workspace,
        graph -> {
          var plan = graph.plan(precision, algorithm);
          return plan == null ? List.of() : List.of(plan);
        });
  }

  /// Plans a convolution with up to `most` deterministic engines that need at most `workspace`
  /// bytes, the library's best guess first, among which [#use] chooses; null where there is none.
  public static CudnnConvolution of(
      long handle, Shape shape, CudnnGraph.Precision precision, long workspace, int most) {
    return of(handle, shape, workspace, graph -> graph.plans(precision, most));
  }

  private static CudnnConvolution of(
      long handle, Shape shape, long workspace, Function<CudnnGraph, List<CudnnPlan>> planned) {
    var graph = new CudnnGraph(handle, workspace);
    try {
      describe(graph, shape);
      var plans = planned.apply(graph);
      if (!plans.isEmpty()) {
        return new CudnnConvolution(graph, plans, shape.biased());
      }
    } catch (CudaException e) {
      graph.close();
      throw e;
    }
    graph.close();
    return null;
  }

  /// The plans there are.
  public List<CudnnPlan> plans() {
    return plans;
  }

  /// Runs with this plan from now on, one of [#plans].
  public void use(CudnnPlan chosen) {
    plan = chosen;
  }

  /// Bytes of workspace that a run needs.
  public long workspace() {
    return plan.workspace();
  }

  /// Runs in the order of the handle's stream; `bias` is not read where the shape has none.
  public void run(long input, long weight, long bias, long output, long workspace) {
    if (biased) {
      plan.run(
          List.of(INPUT, WEIGHT, BIAS, OUTPUT), List.of(input, weight, bias, output), workspace);
    } else {
      plan.run(List.of(INPUT, WEIGHT, OUTPUT), List.of(input, weight, output), workspace);
    }
  }

  @Override
  public void close() {
    graph.close();
  }

  private static void describe(CudnnGraph graph, Shape shape) {
    var output = sizes(shape.batch(), shape.outputs(), shape.output());
    var stored = CudnnTensor.of(OUTPUT, shape.type(), output, CudnnTensor.channelsLast(output));
    var sum =
        shape.biased()
            ? new CudnnTensor(
                SUM,
                Cudnn.Element.FLOAT32,
                output,
                CudnnTensor.channelsLast(output),
                CudnnTensor.Place.BETWEEN)
            : stored;
    graph.convolution(
        dense(INPUT, shape.type(), sizes(shape.batch(), shape.channels(), shape.input())),
        dense(WEIGHT, shape.type(), sizes(shape.outputs(), shape.channels(), shape.kernel())),
        sum,
        shape.before(),
        shape.after(),
        shape.strides());
    if (shape.biased()) {
      var ones = shape.input().stream().map(size -> 1L).toList();
      var bias = dense(BIAS, shape.type(), sizes(1, shape.outputs(), ones));
      graph.pointwise(POINTWISE_ADD, sum, bias, stored);
    }
  }

  private static CudnnTensor dense(long number, Cudnn.Element type, List<Long> sizes) {
    return CudnnTensor.of(number, type, sizes, CudnnTensor.channelsLast(sizes));
  }

  private static List<Long> sizes(long first, long second, List<Long> axes) {
    var sizes = new ArrayList<>(List.of(first, second));
    sizes.addAll(axes);
    return sizes;
  }
}
