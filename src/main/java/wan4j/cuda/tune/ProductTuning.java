package wan4j.cuda.tune;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import wan4j.cuda.AlgorithmTable;
import wan4j.cuda.CudaOps;
import wan4j.cuda.LinearLayers;
import wan4j.cuda.bind.CublasLt.Algorithm;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulPlan;

/// Measures cuBLASLt's algorithms for the products of networks against the library's first choice.
public final class ProductTuning {
  private static final int CANDIDATES = 24;

  private final CudaOps ops;
  private final ProductOperands operands;
  private final FastestCandidate fastest;
  private final Consumer<String> progress;

  private ProductTuning(
      CudaOps ops, ProductOperands operands, FastestCandidate fastest, Consumer<String> progress) {
    this.ops = ops;
    this.operands = operands;
    this.fastest = fastest;
    this.progress = progress;
  }

  /// Returns the products of these layers for which another algorithm than the first was faster by
  /// more than 2 %, reporting each product as it is measured.
  public static List<AlgorithmTable.Choice> run(
      CudaOps ops, List<LayerShape> layers, Consumer<String> progress) {
    Set<MatmulDescription> measured = new LinkedHashSet<>();
    long largest = 1;
    long output = SameResult.COMPARED;
    for (LayerShape layer : layers) {
      MatmulDescription product =
          LinearLayers.fused(
              layer.product(), layer.biased(), layer.function(), ops.products()::isSupported);
      measured.add(product);
      largest = Math.max(largest, Math.max(product.rows(), product.columns()) * product.inner());
      output = Math.max(output, product.rows() * product.columns());
    }
    List<AlgorithmTable.Choice> choices = new ArrayList<>();
    try (ProductOperands operands = new ProductOperands(ops, largest, output * Short.BYTES);
        FastestCandidate fastest = new FastestCandidate(ops)) {
      ProductTuning tuning = new ProductTuning(ops, operands, fastest, progress);
      for (MatmulDescription product : measured) {
        AlgorithmTable.Choice choice = tuning.measure(product);
        if (choice != null) {
          choices.add(choice);
        }
      }
    }
    return choices;
  }

  private AlgorithmTable.Choice measure(MatmulDescription product) {
    if (!ops.products().isSupported(product)) {
      progress.accept("no algorithm: " + product.key());
      return null;
    }
    try (MatmulPlan plan = operands.plan(product)) {
      List<Algorithm> candidates = operands.candidates(plan, CANDIDATES);
      List<Runnable> runs =
          candidates.stream().map(candidate -> operands.run(plan, candidate)).toList();
      FastestCandidate.Result result = fastest.measure(runs);
      Algorithm chosen = candidates.get(result.winner());
      boolean isChosen =
          result.winner() > 0
              && SameResult.holds(
                  () -> operands.output(runs.getFirst(), SameResult.COMPARED),
                  () -> operands.output(runs.get(result.winner()), SameResult.COMPARED))
              && isKept(product, chosen);
      progress.accept(
          "%-7s %8.4f ms, first %8.4f, %5.0f TFLOP/s: %s"
              .formatted(
                  isChosen ? "faster" : result.winner() > 0 ? "refused" : "first",
                  result.milliseconds(),
                  result.firstMilliseconds(),
                  2e-9
                      * product.rows()
                      * product.columns()
                      * product.inner()
                      / result.milliseconds(),
                  product.key()));
      return isChosen ? result.choice(product.key(), chosen.code()) : null;
    }
  }

  /// Whether a later run would get the algorithm by its code.
  private boolean isKept(MatmulDescription product, Algorithm chosen) {
    MatmulPlan plan = ops.products().known(product, chosen.code());
    if (plan != null) {
      plan.close();
    }
    return plan != null;
  }
}
