package wan4j.preprocess;

import java.util.Optional;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;

/// The part of a picture that shows a face, in whole pixels; right and bottom are not of it.
record FaceBox(int left, int right, int top, int bottom) {
  /// The side of the faces that the network of Animate takes.
  static final int SIDE = 512;

  private static final double GROWTH = 1.3;

  /// Returns the box around a pose's face: that of its points but the first, 1.3 times as large,
  /// three quarters of what is added to its height above (Wan2.2 42bf4cf,
  /// wan/modules/animate/preprocess/utils.py `get_face_bboxes`). It is empty where the points are.
  static FaceBox of(Pose pose) {
    return of(pose.face(), pose.width(), pose.height());
  }

  /// Returns the box around points x, y, score in shares of a picture.
  static FaceBox of(float[] points, int width, int height) {
    double minX = Double.POSITIVE_INFINITY;
    double minY = Double.POSITIVE_INFINITY;
    double maxX = Double.NEGATIVE_INFINITY;
    double maxY = Double.NEGATIVE_INFINITY;
    for (int i = 3; i < points.length; i += 3) {
      double x = (double) points[i] * width;
      double y = (double) points[i + 1] * height;
      minX = Math.min(minX, x);
      maxX = Math.max(maxX, x);
      minY = Math.min(minY, y);
      maxY = Math.max(maxY, y);
    }
    double wide = maxX - minX;
    double high = maxY - minY;
    double area = wide * high * GROWTH;
    double across = (Math.sqrt(area * (wide / high)) - wide) / 2;
    double down = (Math.sqrt(area * (high / wide)) - high) / 4;
    return new FaceBox(
        (int) Math.max(minX - across, 0),
        (int) Math.min(maxX + across, width),
        (int) Math.max(minY - 3 * down, 0),
        (int) Math.min(maxY + down, height));
  }

  /// Returns the face at the network's size, or nothing where the box is empty.
  Optional<Picture> cut(Picture picture) {
    if (right <= left || bottom <= top) {
      return Optional.empty();
    }
    Picture face = picture.crop(left, top, right - left, bottom - top);
    return Optional.of(OpenCvResize.resize(face, SIDE, SIDE, OpenCvResize.Filter.LINEAR));
  }
}
