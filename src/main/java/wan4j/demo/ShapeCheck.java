package wan4j.demo;

import java.util.EnumMap;
import java.util.Map;
import wan4j.demo.MotionCheck.Color;
import wan4j.tensor.Tensor;

/// Which shape a video shows in a colour: each frame in which it lies within the picture votes for
/// the shape whose moments are nearest to those of the colour's largest patch.
///
/// @param seen the shape with the most votes, or null where no frame shows one
/// @param share the share of all frames that voted for it
public record ShapeCheck(Shape seen, double share) {
  private static final int LEAST_PIXELS = 30;
  private static final double LEAST_HOLE = 0.1; // of a ring's area; 0.27 as the training draws it

  /// The shapes that are distinguished, with the figures of ideal ones (demo/training/dataset.py):
  /// a star's inner corners lie at 0.45 of its radius.
  public enum Shape {
    /// A filled circle.
    BALL(1, 0, 0, 0),
    /// Four corners.
    SQUARE(0.955, 0, 0.428, 0),
    /// Three corners.
    TRIANGLE(0.827, 0.658, 0, 0),
    /// Five points.
    STAR(0.807, 0, 0, 0.824),
    /// A circle with a round hole.
    RING(1, 0, 0, 0);

    private final double roundness;
    private final double third;
    private final double fourth;
    private final double fifth;

    Shape(double roundness, double third, double fourth, double fifth) {
      this.roundness = roundness;
      this.third = third;
      this.fourth = fourth;
      this.fifth = fifth;
    }

    private double distance(Silhouette silhouette) {
      double[] harmonics = silhouette.harmonics();
      return Math.pow(silhouette.roundness() - roundness, 2)
          + Math.pow(harmonics[0] - third, 2)
          + Math.pow(harmonics[1] - fourth, 2)
          + Math.pow(harmonics[2] - fifth, 2);
    }

    /// Returns the shape nearest to a silhouette: a ring is what has a hole.
    static Shape nearest(Silhouette silhouette) {
      if (silhouette.hole() >= LEAST_HOLE) {
        return RING;
      }
      Shape nearest = BALL;
      for (Shape shape : values()) {
        if (shape != RING && shape.distance(silhouette) < nearest.distance(silhouette)) {
          nearest = shape;
        }
      }
      return nearest;
    }
  }

  /// Looks at a video of unsigned bytes `[frames, height, width, 3]`.
  public static ShapeCheck of(Tensor frames, Color color) {
    int count = frames.length(0);
    Map<Shape, Integer> votes = new EnumMap<>(Shape.class);
    for (int t = 0; t < count; t++) {
      Silhouette silhouette = Silhouette.of(frames.at(t), color);
      if (silhouette != null && silhouette.isWhole() && silhouette.area() >= LEAST_PIXELS) {
        votes.merge(Shape.nearest(silhouette), 1, Integer::sum);
      }
    }
    return votes.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(most -> new ShapeCheck(most.getKey(), (double) most.getValue() / count))
        .orElse(new ShapeCheck(null, 0));
  }

  /// Says whether most frames in which anything is seen show this shape, in at least a third of
  /// all.
  public boolean shows(Shape shape) {
    return seen == shape && share >= 1 / 3.0;
  }
}
