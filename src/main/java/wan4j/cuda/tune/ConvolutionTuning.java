package wan4j.cuda.tune;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.cuda.AlgorithmTable;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.CudnnConvolution;
import wan4j.cuda.bind.CudnnGraph;
import wan4j.cuda.bind.CudnnPlan;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.device.LibraryWorkspace;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Measures cuDNN's deterministic engines for convolutions against the library's first choice.
public final class ConvolutionTuning {
  private static final int CANDIDATES = 10;

  private final CudaOps ops;
  private final FastestCandidate fastest;
  private final Consumer<String> progress;
  private final Tensor values;
  private final Tensor output;

  private ConvolutionTuning(
      CudaOps ops,
      FastestCandidate fastest,
      Consumer<String> progress,
      Tensor values,
      Tensor output) {
    this.ops = ops;
    this.fastest = fastest;
    this.progress = progress;
    this.values = values;
    this.output = output;
  }

  /// Returns those convolutions, of all that went through cuDNN on a backend so far, for which
  /// another engine than the first was faster by more than 2 %, reporting each as it is measured.
  public static List<AlgorithmTable.Choice> run(CudaOps ops, Consumer<String> progress) {
    List<CudnnConvolution.Shape> shapes = ops.convolutions().shapes();
    long largest = 1;
    long outputs = SameResult.COMPARED;
    for (CudnnConvolution.Shape shape : shapes) {
      long weight = shape.outputs() * shape.channels() * product(shape.kernel());
      largest = Math.max(largest, Math.max(weight, inputs(shape)));
      outputs = Math.max(outputs, outputs(shape));
    }
    List<AlgorithmTable.Choice> choices = new ArrayList<>();
    try (Scope _ = ops.scope();
        Parameters memory = ops.parameters();
        FastestCandidate fastest = new FastestCandidate(ops)) {
      Tensor values =
          memory.tensor(
              new RandomSource("values", Shape.of(largest), 7L << 56, 0, 0.1f), DType.BF16);
      ConvolutionTuning tuning =
          new ConvolutionTuning(ops, fastest, progress, values, ops.empty(DType.BF16, outputs));
      for (CudnnConvolution.Shape shape : shapes) {
        AlgorithmTable.Choice choice = tuning.measure(shape);
        if (choice != null) {
          choices.add(choice);
        }
      }
    }
    return choices;
  }

  private AlgorithmTable.Choice measure(CudnnConvolution.Shape shape) {
    CudnnConvolution convolution =
        CudnnConvolution.of(
            ops.workspace().handle(),
            shape,
            CudnnGraph.Precision.ANY,
            LibraryWorkspace.MOST,
            CANDIDATES);
    if (convolution == null) {
      return null;
    }
    try (convolution) {
      List<CudnnPlan> candidates = runnable(convolution);
      List<Runnable> runs =
          candidates.stream().map(candidate -> run(convolution, candidate)).toList();
      FastestCandidate.Result result = fastest.measure(runs);
      boolean isChosen =
          result.winner() > 0
              && SameResult.holds(
                  () -> output(runs.getFirst()), () -> output(runs.get(result.winner())));
      CudnnPlan chosen = candidates.get(result.winner());
      progress.accept(
          "%-7s %8.4f ms, first %8.4f, %5.0f TFLOP/s: %s"
              .formatted(
                  isChosen ? "faster" : result.winner() > 0 ? "refused" : "first",
                  result.milliseconds(),
                  result.firstMilliseconds(),
                  2e-9
                      * outputs(shape)
                      * shape.channels()
                      * product(shape.kernel())
                      / result.milliseconds(),
                  shape.key()));
      return isChosen ? result.choice(shape.key(), chosen.algorithm()) : null;
    }
  }

  /// The plans that run, each run once.
  private List<CudnnPlan> runnable(CudnnConvolution convolution) {
    List<CudnnPlan> runnable = new ArrayList<>();
    for (CudnnPlan plan : convolution.plans()) {
      try {
        run(convolution, plan).run();
        ops.synchronize();
        runnable.add(plan);
      } catch (CudaException e) {
        // An engine that does not run is no candidate.
      }
    }
    return runnable;
  }

  private Runnable run(CudnnConvolution convolution, CudnnPlan plan) {
    return () -> {
      convolution.use(plan);
      convolution.run(
          DeviceStorage.address(values),
          DeviceStorage.address(values),
          DeviceStorage.address(values),
          DeviceStorage.address(output),
          ops.workspace().address(plan.workspace()));
    };
  }

  private float[] output(Runnable run) {
    ops.clear(output);
    run.run();
    Tensor compared = new Tensor(Shape.of(SameResult.COMPARED), DType.BF16, output.storage());
    return ops.download(compared).toFloats();
  }

  private static long inputs(CudnnConvolution.Shape shape) {
    return shape.batch() * shape.channels() * product(shape.input());
  }

  private static long outputs(CudnnConvolution.Shape shape) {
    return shape.batch() * shape.outputs() * product(shape.output());
  }

  private static long product(List<Long> sizes) {
    return sizes.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
  }
}
