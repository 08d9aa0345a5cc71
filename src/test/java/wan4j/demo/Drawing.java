package wan4j.demo;

import java.util.Random;
import wan4j.demo.ShapeCheck.Shape;
import wan4j.tensor.Tensor;

/// Frames with one shape. With a `depth` of 1 a star has its points and a ring its hole, with less
/// they are shallower and smaller.
record Drawing(Shape shape, double radius, double angle, double blur, double depth) {
  private static final int SIDE = 96;
  private static final double[] COLOR = {0.12, 0.72, 0.20}; // green
  private static final double[] GROUND = {0.34, 0.21, 0.11}; // brown

  Drawing(Shape shape, double radius, double angle, double blur) {
    this(shape, radius, angle, blur, 1);
  }

  /// Frames `[frames, 96, 96, 3]` in which the shape moves to the right, with noise in each pixel;
  /// edges are `blur` pixels wide.
  Tensor frames(int frames, double noise, long seed) {
    Random random = new Random(seed);
    Outline outline = new Outline(shape, radius, angle, depth);
    byte[] pixels = new byte[frames * SIDE * SIDE * 3];
    for (int i = 0; i < frames * SIDE * SIDE; i++) {
      int t = i / (SIDE * SIDE);
      double x = i % SIDE - (30.3 + t * 36.0 / frames);
      double y = Math.floorDiv(i, SIDE) % SIDE - 47.8;
      double cover = Math.clamp(0.5 - outline.outside(x, y) / blur, 0, 1);
      for (int c = 0; c < 3; c++) {
        double value = GROUND[c] + (COLOR[c] - GROUND[c]) * cover + noise * random.nextGaussian();
        pixels[3 * i + c] = (byte) Math.round(255 * Math.clamp(value, 0, 1));
      }
    }
    return Tensor.of(pixels, frames, SIDE, SIDE, 3);
  }
}
