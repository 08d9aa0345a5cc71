package wan4j;

import java.util.Objects;
import wan4j.media.Picture;

/// What a video is made from beside its prompt.
public sealed interface Source {
  /// The prompt is all there is.
  Source TEXT = new Text();

  /// The prompt is all there is.
  record Text() implements Source {}

  /// The video begins with a picture, which gives its aspect.
  record Image(Picture picture) implements Source {
    /// Requires the picture.
    public Image {
      Objects.requireNonNull(picture, "picture");
    }
  }
}
