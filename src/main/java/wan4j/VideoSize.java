package wan4j;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import wan4j.model.LatentGrid;
import wan4j.tensor.InputException;

/// The size of a video; bad values are refused with an `InputException`.
///
/// @param width pixels in a row
/// @param height rows
/// @param frames number of frames, 4 n + 1
public record VideoSize(int width, int height, int frames) {
  private static final Pattern SIDES = Pattern.compile("(\\d{1,5})[*xX](\\d{1,5})");
  private static final int LARGEST_SIDE = 8192;

  /// Checks the values that do not depend on the model.
  public VideoSize {
    if (frames < 1 || frames % LatentGrid.TIME_STRIDE != 1) {
      int below = Math.max(1, LatentGrid.videoFrames(LatentGrid.latentFrames(frames)));
      throw new InputException(
          "frame_num got %d; it takes 4n+1: try %d or %d"
              .formatted(frames, below, below + LatentGrid.TIME_STRIDE));
    }
    if (width < 1 || height < 1 || width > LARGEST_SIDE || height > LARGEST_SIDE) {
      throw new InputException(
          "size got %d*%d; each side takes 1 to %d pixels: try 1280*720"
              .formatted(width, height, LARGEST_SIDE));
    }
    long pixels = Math.multiplyExact((long) width * height, frames); // all counts stay below it
    if (pixels > Integer.MAX_VALUE) {
      throw new InputException(
          "%d frames of %d*%d are %,d pixels, and a clip takes at most %,d; choose a smaller size or fewer frames"
              .formatted(frames, width, height, pixels, Integer.MAX_VALUE));
    }
  }

  /// Reads `width*height`; throws `InputException` for anything else.
  public static VideoSize of(String sides, int frames) {
    Matcher matcher = SIDES.matcher(sides);
    if (!matcher.matches()) {
      throw new InputException(
          "--size got \"%s\"; give width*height, such as 1280*720".formatted(sides));
    }
    return new VideoSize(
        Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)), frames);
  }

  /// Returns `width*height`.
  public String sides() {
    return width + "*" + height;
  }

  /// Returns the pixels of a frame.
  public long area() {
    return (long) width * height;
  }

  /// Returns the number of latent frames.
  public int latentFrames() {
    return LatentGrid.latentFrames(frames);
  }
}
