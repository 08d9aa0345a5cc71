package wan4j.media;

import wan4j.tensor.InputException;

/// The reference's arithmetic for the size of a video made from a picture.
public final class Sizing {
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
