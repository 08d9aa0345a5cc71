package wan4j.media.picture;

import java.nio.file.Path;
import wan4j.tensor.InputException;

/// What reading a picture may cost. Everything is checked against a file's header before any pixel
/// is decoded, so that a small file can ask neither for all the memory there is nor for hours.
public final class PictureLimits {
  /// The longest side: the largest that JPEG can name.
  public static final int LARGEST_SIDE = 65_535;

  public static final long MOST_PIXELS = 100_000_000;
  public static final long LARGEST_FILE = 1L << 29;

  /// What visiting one block of a JPEG file costs beside its coefficients, in coefficients.
  public static final int BLOCK_COST = 8;

  // Each coefficient is sent once and refined once for each bit that was left out: up to four
  // passes in the finest files of usual encoders.
  private static final long MOST_PASSES = 8;
  private static final long LEAST_VISITS = 10_000_000;
  private static final int MOST_PARTS = 20_000;
  private static final int PIXELS_PER_PART = 64;

  private PictureLimits() {}

  /// Throws `InputException` when a picture of this size is not decoded.
  public static void check(Path file, long width, long height) {
    if (width < 1 || height < 1) {
      throw new InputException(
          "%s says that it is %dx%d pixels, but a picture has at least one; give another file"
              .formatted(file, width, height));
    }
    if (width > LARGEST_SIDE || height > LARGEST_SIDE || width * height > MOST_PIXELS) {
      throw new InputException(
          "%s is %dx%d pixels, more than %d a side or %d million in all; make it smaller first"
              .formatted(file, width, height, LARGEST_SIDE, MOST_PIXELS / 1_000_000));
    }
  }

  /// Returns how many parts (chunks, segments) a file of so many pixels may consist of: some
  /// encoders cut pixels into very small ones.
  public static long mostParts(long pixels) {
    return MOST_PARTS + pixels / PIXELS_PER_PART;
  }

  /// Returns how many coefficients the scans of a JPEG file of so many blocks may visit, again and
  /// again, in all.
  public static long mostVisits(long blocks) {
    return Math.max(MOST_PASSES * blocks * (64 + BLOCK_COST), LEAST_VISITS);
  }
}
