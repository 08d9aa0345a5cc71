package wan4j.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import wan4j.cuda.bind.CublasLt.Algorithm;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulPlan;

/// Measures cuBLASLt's algorithms for the products of networks against the library's first: all of
/// them a few times, then the best ones often.
public final class ProductTuning {
  private static final int FINALISTS = 4; // the first algorithm and the three best of the others
  private static final double LARGE = 2; // milliseconds from which fewer rounds tell as much
  private static final double LEAST_GAIN = 1.02;
  private static final double WON = 0.8; // of the rounds
  private static final double BATCH = 0.2; // milliseconds of work between two events
  private static final int MOST_REPEATS = 20;
  private static final int COMPARED = 4 << 20; // elements of two outputs
  private static final double ROUNDING = 1e-2; // distance of two orders of summing in bfloat16

  private final CudaOps ops;
  private final ProductTimer timer;
  private final Consumer<String> progress;

  private ProductTuning(CudaOps ops, ProductTimer timer, Consumer<String> progress) {
    this.ops = ops;
    this.timer = timer;
    this.progress = progress;
  }

  /// How many candidates take part, and how many rounds they and the finalists run.
  private record Effort(int candidates, int screening, int rounds) {
    static final Effort SMALL = new Effort(12, 3, 15);
    static final Effort LARGE = new Effort(8, 2, 9);
  }

  /// Returns the products of these layers for which another algorithm than the first was faster by
  /// more than 2 %, telling of each product as it is measured.
  public static List<AlgorithmTable.Choice> run(
      CudaOps ops, List<LayerShape> layers, Consumer<String> progress) {
    Set<MatmulDescription> measured = new LinkedHashSet<>();
    long largest = 1;
    long output = COMPARED;
    for (LayerShape layer : layers) {
      MatmulDescription product =
          LinearLayers.fused(
              layer.product(), layer.biased(), layer.function(), ops.products()::isSupported);
      measured.add(product);
      largest = Math.max(largest, Math.max(product.rows(), product.columns()) * product.inner());
      output = Math.max(output, product.rows() * product.columns());
    }
    List<AlgorithmTable.Choice> choices = new ArrayList<>();
    try (ProductTimer timer = new ProductTimer(ops, largest, output * Short.BYTES)) {
      ProductTuning tuning = new ProductTuning(ops, timer, progress);
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
    try (MatmulPlan plan = timer.plan(product)) {
      List<Algorithm> candidates = timer.candidates(plan, Effort.SMALL.candidates);
      double estimate = ProductTimer.median(timer.times(plan, candidates.subList(0, 1), 3, 1)[0]);
      Effort effort = estimate > LARGE ? Effort.LARGE : Effort.SMALL;
      int repeats = Math.clamp(Math.round(BATCH / estimate), 1, MOST_REPEATS);
      candidates = candidates.subList(0, Math.min(effort.candidates, candidates.size()));
      double[][] screened = timer.times(plan, candidates, effort.screening, repeats);
      List<Algorithm> finalists = finalists(candidates, screened);
      return choose(plan, finalists, timer.times(plan, finalists, effort.rounds, repeats));
    }
  }

  private static List<Algorithm> finalists(List<Algorithm> candidates, double[][] screened) {
    List<Algorithm> finalists = new ArrayList<>();
    finalists.add(candidates.getFirst());
    IntStream.range(1, candidates.size())
        .boxed()
        .sorted(Comparator.comparingDouble(i -> ProductTimer.median(screened[i])))
        .limit(FINALISTS - 1)
        .forEach(i -> finalists.add(candidates.get(i)));
    return finalists;
  }

  private AlgorithmTable.Choice choose(
      MatmulPlan plan, List<Algorithm> finalists, double[][] times) {
    int best = winner(times);
    MatmulDescription product = plan.description();
    double first = ProductTimer.median(times[0]);
    double least = ProductTimer.median(times[best]);
    boolean isChosen =
        best > 0
            && isSound(plan, finalists.getFirst(), finalists.get(best))
            && isKept(product, finalists.get(best));
    progress.accept(
        "%s %8.4f ms, first %8.4f, %5.0f TFLOP/s: %s"
            .formatted(
                isChosen ? "faster " : best > 0 ? "refused" : "first  ",
                least,
                first,
                2e-9 * product.rows() * product.columns() * product.inner() / least,
                product.key()));
    return isChosen
        ? new AlgorithmTable.Choice(
            product.key(), finalists.get(best).code(), rounded(least), rounded(first))
        : null;
  }

  /// Returns the candidate with the least median, or the first one where that is not clearly
  /// faster.
  static int winner(double[][] times) {
    int best = 0;
    for (int i = 1; i < times.length; i++) {
      if (ProductTimer.median(times[i]) < ProductTimer.median(times[best])) {
        best = i;
      }
    }
    double[] chosen = times[best];
    long won = IntStream.range(0, chosen.length).filter(i -> chosen[i] < times[0][i]).count();
    boolean isFaster =
        ProductTimer.median(times[0]) > LEAST_GAIN * ProductTimer.median(chosen)
            && won >= WON * chosen.length;
    return isFaster ? best : 0;
  }

  /// Whether an algorithm writes the same bytes twice, and the first algorithm's values but for the
  /// order of their sums; on the first elements of the output.
  private boolean isSound(MatmulPlan plan, Algorithm first, Algorithm chosen) {
    float[] expected = timer.output(plan, first, COMPARED);
    float[] values = timer.output(plan, chosen, COMPARED);
    double difference = 0;
    double size = 0;
    for (int i = 0; i < values.length; i++) {
      double distance = (double) values[i] - expected[i];
      difference += distance * distance;
      size += (double) expected[i] * expected[i];
    }
    return Math.sqrt(difference) <= ROUNDING * Math.sqrt(size)
        && Arrays.equals(values, timer.output(plan, chosen, COMPARED));
  }

  /// Whether a later run would get the algorithm by its code.
  private boolean isKept(MatmulDescription product, Algorithm chosen) {
    MatmulPlan plan = ops.products().known(product, chosen.code());
    if (plan != null) {
      plan.close();
    }
    return plan != null;
  }

  private static double rounded(double milliseconds) {
    return Math.round(milliseconds * 1e5) / 1e5;
  }
}
