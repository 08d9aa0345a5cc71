package wan4j.preprocess;

import wan4j.media.OpenCvResize;
import wan4j.media.Picture;

/// What the pose network sees of a picture: the surroundings of a person's box as float32 `[3,
/// height, width]`, blue before green and red as the reference gives it, with ImageNet's means and
/// deviations, and where they lie (Wan2.2 42bf4cf, wan/modules/animate/preprocess/pose2d.py
/// `ViTPose.preprocess`, pose2d_utils.py `crop`).
///
/// @param pixels the network's input
/// @param center the middle of the surroundings in the picture, x and y
/// @param scale their width and height in units of 200 pixels
record PoseCrop(float[] pixels, double[] center, double[] scale) {
  private static final double MARGIN = 1.25;
  private static final double UNIT = 200;
  private static final double LEAST_SIDE = 10;
  private static final double[] MEANS = {0.485, 0.456, 0.406};
  private static final double[] DEVIATIONS = {0.229, 0.224, 0.225};
  private static final int CHANNELS = 3;

  /// The order of the colours in the network's input.
  enum Colours {
    AS_STORED,
    REVERSED
  }

  /// Returns the surroundings of a box for an input of `width` by `height`; of the whole picture
  /// where the box is null, has no score, or is narrower than ten pixels.
  static PoseCrop of(Picture picture, PersonBox box, int width, int height, Colours colours) {
    PersonBox whole = new PersonBox(0, 0, picture.width(), picture.height(), 1);
    PersonBox used = box == null || box.isUnusable(LEAST_SIDE) ? whole : box;
    double aspect = (double) height / width;
    double size = Math.max(used.width() * aspect, used.height());
    double[] center = {(used.left() + used.right()) / 2, (used.top() + used.bottom()) / 2};
    double[] scale = {size / aspect / UNIT * MARGIN, size / UNIT * MARGIN};

    double high = UNIT * Math.max(scale[0], scale[1]);
    double wide = high / aspect;
    Span columns = Span.of(center[0], wide, width);
    Span rows = Span.of(center[1], high, height);
    float[] part = part(picture, columns, rows);
    float[] resized =
        OpenCvResize.linear(part, columns.length(), rows.length(), CHANNELS, width, height);
    return new PoseCrop(normalised(resized, width * height, colours), center, scale);
  }

  /// The pixels from `first` on, `length` of them, which may reach over the picture's edges.
  private record Span(int first, int length) {
    /// The inverse of the affine map of the surroundings to the input, at both ends.
    static Span of(double center, double side, int pixels) {
      double factor = pixels / side;
      double offset = pixels * (-center / side + 0.5);
      double start = -offset / factor;
      int first = (int) Math.rint(start);
      int end = (int) Math.rint(1 / factor * pixels + start);
      return new Span(first, Math.max(1, end - first));
    }
  }

  private static float[] part(Picture picture, Span columns, Span rows) {
    float[] part = new float[Math.multiplyExact(columns.length * CHANNELS, rows.length)];
    int left = Math.max(0, columns.first);
    int right = Math.min(picture.width(), columns.first + columns.length);
    for (int y = Math.max(0, rows.first);
        y < Math.min(picture.height(), rows.first + rows.length);
        y++) {
      int to = ((y - rows.first) * columns.length + left - columns.first) * CHANNELS;
      int from = (y * picture.width() + left) * CHANNELS;
      for (int i = 0; i < (right - left) * CHANNELS; i++) {
        part[to + i] = picture.rgb()[from + i] & 0xFF;
      }
    }
    return part;
  }

  private static float[] normalised(float[] values, int count, Colours colours) {
    float[] planes = new float[values.length];
    for (int c = 0; c < CHANNELS; c++) {
      int source = colours == Colours.REVERSED ? CHANNELS - 1 - c : c;
      for (int i = 0; i < count; i++) {
        planes[c * count + i] =
            (float) ((values[i * CHANNELS + source] / 255.0 - MEANS[c]) / DEVIATIONS[c]);
      }
    }
    return planes;
  }
}
