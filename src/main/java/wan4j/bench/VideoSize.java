package wan4j.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import wan4j.tensor.InputException;

/// The size of a video in pixels and frames.
public record VideoSize(int width, int height, int frames) {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,5})[*x](\\d{1,5})");

  /// Throws `InputException` for frames that are not 4n+1 or an empty picture.
  public VideoSize {
    if (width < 1 || height < 1 || frames % 4 != 1) {
      throw new InputException(
          "got %d*%d and %d frames; expected a size such as 1280*720 and 4n+1 frames"
              .formatted(width, height, frames));
    }
  }

  /// Reads `width*height`; throws `InputException` for anything else.
  public static VideoSize of(String size, int frames) {
    Matcher matcher = SIZE.matcher(size);
    if (!matcher.matches()) {
      throw new InputException("--size got \"%s\"; give one such as 1280*720".formatted(size));
    }
    return new VideoSize(
        Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)), frames);
  }

  /// Returns `width*height`.
  String text() {
    return width + "*" + height;
  }

  /// Returns the number of latent frames.
  int latentFrames() {
    return 1 + (frames - 1) / 4;
  }
}
