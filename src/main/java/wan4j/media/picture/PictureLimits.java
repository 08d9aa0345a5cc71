package wan4j.media.picture;

import java.nio.file.Path;
import wan4j.tensor.InputException;

/// The largest pictures and frames that are decoded; checked against a file's header, before any
/// pixel is decoded, so that a small file cannot ask for all the memory there is.
public final class PictureLimits {
  public static final int LARGEST_SIDE = 16_384;
  public static final long MOST_PIXELS = 100_000_000;
  public static final long LARGEST_FILE = 1L << 29;

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
}
