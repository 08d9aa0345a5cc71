package wan4j;

import java.util.Objects;
import wan4j.media.CharacterVideos;
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
      Objects.requireNonNull(picture, "picture is null");
    }
  }

  /// A character moves as a driving video says, or replaces the one in it; the request's size gives
  /// the frames of a clip, the videos give all else.
  ///
  /// @param videos what preprocessing makes of the character and the driving video
  /// @param overlap how many frames of a clip the next one is given, 1 or 5
  record Character(CharacterVideos videos, int overlap) implements Source {
    /// Requires the videos.
    public Character {
      Objects.requireNonNull(videos, "videos is null");
    }
  }
}
