package wan4j;

import java.util.Objects;
import wan4j.media.Picture;

/// What a video is made from beside its prompt.
public sealed interface Source {
  /// The prompt is all there is.
  Source TEXT = new Text();

  /// The prompt is all there is.
  record Text() implements Source {}

  /// The video begins with a picture, which gives its aspect, and ends with another one, or with
  /// what the model makes of it where `last` is null.
  record Image(Picture picture, Picture last) implements Source {
    /// Requires the first picture.
    public Image {
      Objects.requireNonNull(picture, "picture is null");
    }

    /// The end is the model's.
    public Image(Picture picture) {
      this(picture, null);
    }
  }
}
