package wan4j.demo;

import wan4j.demo.ShapeCheck.Shape;

/// The outline of a shape around its middle, as the demo's training draws it
/// (demo/training/dataset.py).
///
/// @param radius of its corners, in pixels
/// @param angle by which it is turned to the right; a corner is up without, of a square too
/// @param depth of a star's points and a ring's hole: 1, or less for shallower and smaller ones
record Outline(Shape shape, double radius, double angle, double depth) {
  /// Returns how far a point lies outside, in pixels; negative inside.
  double outside(double x, double y) {
    double distance = Math.hypot(x, y);
    return switch (shape) {
      case BALL -> distance - 0.95 * radius;
      case RING -> Math.max(distance - radius, 0.52 * depth * radius - distance);
      case SQUARE -> polygon(x, y, 4, Math.cos(Math.PI / 4));
      case TRIANGLE -> polygon(x, y, 3, Math.cos(Math.PI / 3));
      case STAR -> polygon(x, y, 5, 1 - 0.55 * depth);
    };
  }

  private double polygon(double x, double y, int corners, double inner) {
    double sector = 2 * Math.PI / corners;
    double turned = Math.atan2(x, -y) - angle + sector / 2;
    double fold = Math.abs(turned - sector * Math.floor(turned / sector) - sector / 2);
    double tipX = inner * Math.cos(sector / 2);
    double tipY = inner * Math.sin(sector / 2);
    double length = Math.hypot(tipY, 1 - tipX);
    double distance = Math.hypot(x, y);
    return ((distance * Math.cos(fold) - radius) * tipY + distance * Math.sin(fold) * (1 - tipX))
        / length;
  }
}
