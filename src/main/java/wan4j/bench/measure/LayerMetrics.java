package wan4j.bench.measure;

/// The names of the metrics of `bench layers`. Each follows the name of an FP8 recipe, and
/// [#EXACT_SUMS] where products accumulate in float32.
public final class LayerMetrics {
  public static final String ERROR = ": error";
  public static final String FLOOR = ": floor";
  public static final String RATIO = ": error / floor";
  public static final String BEYOND = ": beyond the exact product";
  public static final String TIME = ": time";
  public static final String EXACT_SUMS = ", float32 sums";

  private LayerMetrics() {}
}
