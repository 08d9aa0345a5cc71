package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

/// What is no number is never near to anything, not even to itself.
final class ComparisonTest {
  @Test
  void noMeasureTakesNanForEqual() {
    float[] values = new float[1000];
    Arrays.fill(values, 7f);
    Tensor good = Tensor.of(values, 1000);
    values[500] = Float.NaN;
    Tensor bad = Tensor.of(values, 1000);
    for (Tensor[] pair : new Tensor[][] {{bad, good}, {good, bad}, {bad, bad}}) {
      assertThat(
              List.of(
                  Comparison.relative("a", pair[0], pair[1], 1),
                  Comparison.exact("a", pair[0], pair[1]),
                  Comparison.largest("a", pair[0], pair[1], 1),
                  Comparison.bytes("a", pair[0], pair[1]),
                  Comparison.peak("a", pair[0], pair[1], 1),
                  Comparison.decibels("a", pair[0], pair[1], 1),
                  Comparison.distance("a", Float.NaN, Float.NaN, 1)))
          .noneMatch(Comparison::passes);
    }
    assertThat(Comparison.bytes("a", good, good).passes()).isTrue();
  }

  @Test
  void infinitiesAreEqualToThemselvesAndToNothingElse() {
    float[] values = new float[1000];
    Arrays.fill(values, 7f);
    values[3] = Float.POSITIVE_INFINITY;
    values[4] = Float.NEGATIVE_INFINITY;
    Tensor good = Tensor.of(values.clone(), 1000);
    assertThat(all(good, good)).allMatch(Comparison::passes);
    for (float other : new float[] {0, Float.MAX_VALUE, Float.NEGATIVE_INFINITY, Float.NaN}) {
      values[3] = other;
      Tensor bad = Tensor.of(values.clone(), 1000);
      assertThat(all(good, bad)).noneMatch(Comparison::passes);
      assertThat(all(bad, good)).noneMatch(Comparison::passes);
    }
    // what is finite beside them still counts
    values[3] = Float.POSITIVE_INFINITY;
    values[500] = 8;
    Tensor near = Tensor.of(values, 1000);
    assertThat(Comparison.relative("a", near, good, 1e-3).passes()).isFalse();
    assertThat(Comparison.relative("a", near, good, 1e-2).passes()).isTrue();
  }

  private static List<Comparison> all(Tensor got, Tensor expected) {
    return List.of(
        Comparison.relative("a", got, expected, 1),
        Comparison.exact("a", got, expected),
        Comparison.largest("a", got, expected, 1),
        Comparison.peak("a", got, expected, 1));
  }

  @Test
  void aStepThatIsNoNumberIsNullInJsonAndNanInText() {
    Tensor bad = Tensor.of(new float[] {Float.NaN}, 1);
    Tensor frames = Tensor.of(new byte[16 * 16 * 3], 1, 16, 16, 3);
    VideoComparison comparison = VideoComparison.of(frames, List.of(bad), frames, List.of(bad));
    assertThat(comparison.lines().getFirst()).contains("NaN");
    assertThat(comparison.fields())
        .containsEntry("latent_relative_l2_by_step", Arrays.asList((Double) null));
  }
}
