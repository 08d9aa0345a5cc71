package wan4j.media;

import wan4j.tensor.InputException;

/// The reference's arithmetic for the size of a video made from a picture.
public final class Sizing {
  private static final int SPEECH_STEP = 64;
  private static final int SPEECH_SCALES = 100;

  private Sizing() {}

  /// A width and a height.
  public record Size(int width, int height) {
    /// Creates a size; throws `IllegalArgumentException` when a side is not positive.
    public Size {
      if (width < 1 || height < 1) {
        throw new IllegalArgumentException(
            "got a size of %dx%d; sides must be at least 1".formatted(width, height));
      }
    }
  }

  /// Returns the size in latent pixels of a video that has the picture's aspect and about `area`
  /// pixels, with sides that are whole patches of `patch` latent pixels, each of which stands for
  /// `stride` pixels (Wan2.2 42bf4cf, wan/image2video.py). Throws `InputException` when the picture
  /// is too elongated for the area.
  public static Size imageToVideoLatent(Size picture, int stride, int patch, long area) {
    double aspect = (double) picture.height / picture.width;
    // Both floor divisions are by powers of two, so they are exact; the area stays near, not below.
    return new Size(
        floorTo(Math.floor(Math.sqrt(area / aspect) / stride), patch, picture, area),
        floorTo(Math.floor(Math.sqrt(area * aspect) / stride), patch, picture, area));
  }

  /// Returns the size of the video that comes nearest to the picture's aspect with sides that are
  /// multiples of `step` and at most `area` pixels (Wan2.2 42bf4cf, wan/utils/utils.py
  /// `best_output_size`). Throws `InputException` when the picture is too elongated.
  public static Size bestOutput(Size picture, int step, long area) {
    double ratio = (double) picture.width / picture.height;
    double width = Math.sqrt(area * ratio);
    double height = area / width;

    int wide = floorTo(width, step, picture, area);
    Size widthFirst = new Size(wide, floorTo((double) area / wide, step, picture, area));
    int high = floorTo(height, step, picture, area);
    Size heightFirst = new Size(floorTo((double) area / high, step, picture, area), high);

    return mismatch(ratio, widthFirst) < mismatch(ratio, heightFirst) ? widthFirst : heightFirst;
  }

  private static int floorTo(double side, int step, Size picture, long area) {
    int whole = (int) Math.floor(side / step) * step;
    if (whole < 1) {
      throw tooElongated(picture, area);
    }
    return whole;
  }

  private static InputException tooElongated(Size picture, long area) {
    return new InputException(
        "a picture of %dx%d is too long and narrow for a video of %d pixels a frame; crop it"
            .formatted(picture.width, picture.height, area));
  }

  private static double mismatch(double ratio, Size size) {
    double reached = (double) size.width / size.height;
    return Math.max(ratio / reached, reached / ratio);
  }

  /// Returns the size of the video that a picture of a speaker makes: at most `area` pixels, sides
  /// that are multiples of 64, and no larger than the picture but for what fills them up (Wan2.2
  /// 42bf4cf, wan/speech2video.py, `get_size_less_than_area`). Throws `InputException` when the
  /// picture is too elongated.
  public static Size speechToVideo(Size picture, long area) {
    double height = picture.height;
    double width = picture.width;
    double least = 0.1;
    double most = 1;
    if (height * width > area) {
      // the scale at which both sides need the most filling up; the reference has 2 for 4
      int filling = SPEECH_STEP - 1;
      double b = filling * (height + width);
      double c = (double) filling * filling - area;
      double product = height * width;
      least = (-b + Math.sqrt(b * b - 2 * product * c)) / (2 * product);
      most = Math.sqrt(area / product);
    }
    for (int i = 0; i < SPEECH_SCALES; i++) {
      double scale = most - (most - least) * i / SPEECH_SCALES;
      long high = filledUp((int) (height * scale));
      long wide = filledUp((int) (width * scale));
      if (high * wide <= area) {
        return speechSize(wide, high, picture, area);
      }
    }
    double aspect = width / height;
    long wide = wholeSteps(Math.sqrt(area * aspect));
    long high = wholeSteps(Math.sqrt(area / aspect));
    if (wide >= width || high >= height) {
      wide = wholeSteps(width);
      high = wholeSteps(height);
    }
    return speechSize(wide, high, picture, area);
  }

  private static Size speechSize(long width, long height, Size picture, long area) {
    if (width < 1 || height < 1) {
      throw tooElongated(picture, area);
    }
    return new Size(Math.toIntExact(width), Math.toIntExact(height));
  }

  private static long filledUp(int side) {
    return Math.ceilDiv(side, SPEECH_STEP) * (long) SPEECH_STEP;
  }

  private static long wholeSteps(double side) {
    return (long) Math.floor(side / SPEECH_STEP) * SPEECH_STEP;
  }

  /// Returns the size at which a picture's shorter side is `side`, keeping its aspect, as
  /// torchvision's `Resize` does.
  public static Size withShorterSide(Size picture, int side) {
    return picture.width <= picture.height
        ? new Size(side, Math.toIntExact((long) side * picture.height / picture.width))
        : new Size(Math.toIntExact((long) side * picture.width / picture.height), side);
  }

  /// Returns the picture resized with a filter so that its shorter side is the target's, and its
  /// middle cut out; where a side is too short, black fills it up, as torchvision's `CenterCrop`
  /// does.
  public static Picture shorterSideAndCrop(Picture picture, Size target, Resampling filter) {
    Size size =
        withShorterSide(
            new Size(picture.width(), picture.height()), Math.min(target.width, target.height));
    Picture resized = filter.resize(picture, size.width, size.height);
    Offsets across = Offsets.of(size.width, target.width);
    Offsets down = Offsets.of(size.height, target.height);
    byte[] cut = new byte[Math.multiplyExact(target.width * 3, target.height)];
    for (int y = 0; y < down.count; y++) {
      System.arraycopy(
          resized.rgb(),
          ((down.from + y) * size.width + across.from) * 3,
          cut,
          ((down.to + y) * target.width + across.to) * 3,
          across.count * 3);
    }
    return new Picture(target.width, target.height, cut);
  }

  /// Where `count` entries of a line are taken from and go to when its middle is cut out, or when
  /// it is too short and stands in the middle.
  record Offsets(int from, int to, int count) {
    static Offsets of(int inputs, int outputs) {
      return inputs < outputs
          ? new Offsets(0, (outputs - inputs) / 2, inputs)
          : new Offsets((int) Math.rint((inputs - outputs) / 2.0), 0, outputs);
    }
  }

  /// Returns the size at which a picture just covers `target`, keeping its aspect; halves round to
  /// even, as Python's `round` does.
  public static Size cover(Size picture, Size target) {
    double scale =
        Math.max((double) target.width / picture.width, (double) target.height / picture.height);
    return new Size(
        (int) Math.rint(picture.width * scale), (int) Math.rint(picture.height * scale));
  }

  /// Returns the picture resized with a filter so that it just covers `target`, and its middle cut
  /// out (Wan2.2 42bf4cf, wan/textimage2video.py, with `Resampling.LANCZOS`).
  public static Picture coverAndCrop(Picture picture, Size target, Resampling filter) {
    Size covering = cover(new Size(picture.width(), picture.height()), target);
    Picture resized = filter.resize(picture, covering.width, covering.height);
    return resized.crop(
        (covering.width - target.width) / 2,
        (covering.height - target.height) / 2,
        target.width,
        target.height);
  }
}
