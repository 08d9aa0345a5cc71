package wan4j.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.ShapeCheck.Shape;
import wan4j.tensor.Tensor;

final class ShapeCheckTest {
  private static final double[] RADII = {9, 12, 15, 21};

  @ParameterizedTest
  @EnumSource
  void eachShapeIsSeenAtEverySizeAndAngleWithSoftEdgesAndNoise(Shape shape) {
    for (double radius : RADII) {
      for (double angle : new double[] {0, 0.3, 0.7}) {
        Tensor frames = new Drawing(shape, radius, angle, 2).frames(5, 0.02, 1);
        ShapeCheck check = ShapeCheck.of(frames, Color.GREEN);
        assertThat(check.seen()).as("radius %s, angle %s", radius, angle).isEqualTo(shape);
        for (Shape other : Shape.values()) {
          assertThat(check.shows(other)).isEqualTo(other == shape);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"STAR", "RING"})
  void aStarAlmostWithoutPointsIsNoStarAndARingAlmostWithoutAHoleNoRing(Shape shape) {
    Tensor melted = new Drawing(shape, 15, 0.3, 1, 0.4).frames(3, 0, 1);
    assertThat(ShapeCheck.of(melted, Color.GREEN).seen()).isEqualTo(Shape.BALL);
  }

  @Test
  void theFiguresOfLargeShapesAreThoseOfIdealOnes() {
    for (Shape shape : Shape.values()) {
      Tensor picture = new Drawing(shape, 24, 0.4, 1).frames(1, 0, 1).at(0);
      Silhouette silhouette = Silhouette.of(picture, Color.GREEN);
      double[] expected =
          switch (shape) {
            case BALL, RING -> new double[] {0, 0, 0};
            case SQUARE -> new double[] {0, 0.43, 0};
            case TRIANGLE -> new double[] {0.66, 0, 0};
            case STAR -> new double[] {0, 0, 0.82};
          };
      assertThat(silhouette.isWhole()).isTrue();
      assertThat(silhouette.hole()).isBetween(0.0, shape == Shape.RING ? 0.32 : 0.0);
      for (int k = 0; k < expected.length; k++) {
        assertThat(silhouette.harmonics()[k])
            .as("%s, %d corners", shape, Silhouette.FIRST + k)
            .isBetween(expected[k] - 0.03, expected[k] + 0.03);
      }
    }
  }

  @Test
  void anotherColourShowsNothingAndWhatIsCutOffByTheEdgeDoesNotVote() {
    Tensor frames = new Drawing(Shape.SQUARE, 12, 0, 1).frames(3, 0, 1);
    assertThat(ShapeCheck.of(frames, Color.RED).seen()).isNull();
    byte[] all = new byte[3 * 96 * 96 * 3];
    Arrays.fill(all, (byte) 255);
    ShapeCheck cut = ShapeCheck.of(Tensor.of(all, 3, 96, 96, 3), Color.WHITE);
    assertThat(cut.seen()).isNull();
    assertThat(cut.shows(Shape.SQUARE)).isFalse();
  }
}
