package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;

import wan4j.quant.DelayedScalingState;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.ScaleRule;
import wan4j.tensor.Float8;
import wan4j.tensor.Tensor;

/// What the codes and scales of an FP8 layer's input must be, given the exact values, forward after
/// forward: scales as near as the arithmetic's rounding, codes those of the exact values or, where
/// such a value lies within the rounding of the boundary of two codes, either.
final class Float8Expectation {
  // A value that is off by r of itself meets another code with a chance of at most 16 r, since
  // codes
  // are at least a sixteenth of their value apart; rounding is a quarter of its bound on average,
  // and
  // a chain of two or three roundings adds up by the root.
  private static final double SHARE = 8;
  // data of few bits makes some values lie on a boundary itself
  private static final double TIES = 1e-3;
  private static final double SPREAD = 4; // standard deviations of a count

  private final Precision precision;
  private final double rounding;
  private final double share;
  private final DelayedScalingState history = new DelayedScalingState();

  /// Expects inputs of a layer of a precision from arithmetic whose results are off by `tolerance`
  /// on average over a tensor.
  Float8Expectation(Precision precision, double tolerance) {
    this.precision = precision;
    rounding = 2 * tolerance;
    share = TIES + SHARE * tolerance;
  }

  private Granularity granularity() {
    return switch (precision) {
      case FLOAT8_CURRENT, FLOAT8_DELAYED -> Granularity.TENSOR;
      case FLOAT8_TOKEN -> Granularity.ROW;
      case FLOAT8_BLOCK -> Granularity.BLOCK_1X128;
      case PLAIN, FLOAT32 -> throw new IllegalArgumentException(precision + " has no codes");
    };
  }

  /// Compares the next forward's input, in host memory.
  void check(String name, Tensor exact, Tensor codes, Tensor inverseScales) {
    float[] inverse = inverseScales.toFloats();
    checkScales(name, exact, inverse);
    checkCodes(name, exact, codes.toFloats(), inverse);
  }

  private void checkScales(String name, Tensor exact, float[] inverse) {
    ScaleRule rule = precision.scaleRule();
    float[] largest = Float8Quantizer.largestMagnitudes(exact, granularity());
    assertThat(inverse).as(name).hasSameSizeAs(largest);
    if (precision == Precision.FLOAT8_DELAYED) {
      history.calibrate(largest[0]);
      double factor = history.scale();
      assertThat(1 / (double) inverse[0])
          .as("%s: the scale from earlier forwards", name)
          .isBetween(factor * (1 - rounding), factor * (1 + rounding));
      history.record(largest[0]);
      history.update();
      return;
    }
    for (int i = 0; i < largest.length; i++) {
      // rules are monotone, and a power of two may fall to either side
      double least = rule.scale((float) (largest[i] * (1 + rounding)));
      double most = rule.scale((float) (largest[i] * (1 - rounding)));
      assertThat(1 / (double) inverse[i])
          .as("%s: scale %d of the magnitude %s", name, i, largest[i])
          .isBetween(least * (1 - 1e-6), most * (1 + 1e-6));
    }
  }

  private void checkCodes(String name, Tensor exact, float[] codes, float[] inverse) {
    float[] values = exact.toFloats();
    assertThat(codes).as(name).hasSameSizeAs(values);
    int columns = exact.length(1);
    int different = 0;
    for (int row = 0; row < exact.length(0); row++) {
      double usual = rootMeanSquare(values, row * columns, columns);
      for (int column = 0; column < columns; column++) {
        int i = row * columns + column;
        float scale = 1 / inverse[group(row, column, columns)]; // but for its last place
        float code = code(values[i], scale);
        if (codes[i] != code
            && !(Float.isNaN(codes[i]) && Float.isNaN(code))
            && codes[i] != code(values[i], Math.nextDown(scale))
            && codes[i] != code(values[i], Math.nextUp(scale))) {
          double off = rounding * Math.max(Math.abs(values[i]), usual);
          assertThat(codes[i])
              .as("%s: row %d, column %d, %s times %s", name, row, column, values[i], scale)
              .isBetween(
                  code((float) (values[i] - off), scale), code((float) (values[i] + off), scale));
          different++;
        }
      }
    }
    assertThat(different)
        .as("%s: codes beside the exact ones", name)
        .isLessThanOrEqualTo(most(share * values.length));
  }

  /// How often at most something happens that is expected to happen so often.
  private static int most(double expected) {
    return (int) Math.ceil(expected + SPREAD * Math.sqrt(expected));
  }

  private int group(int row, int column, int columns) {
    return switch (granularity()) {
      case TENSOR -> 0;
      case ROW -> row;
      case BLOCK_1X128, BLOCK_128X128 ->
          row * Math.ceilDiv(columns, Granularity.BLOCK) + column / Granularity.BLOCK;
    };
  }

  private static float code(float value, float scale) {
    return Float8.fromE4m3(Float8.toE4m3(value * scale));
  }

  private static double rootMeanSquare(float[] values, int first, int count) {
    double sum = 0;
    for (int i = first; i < first + count; i++) {
      sum += Float.isFinite(values[i]) ? (double) values[i] * values[i] : 0;
    }
    return Math.sqrt(sum / count);
  }
}
