package wan4j;

import java.util.List;
import wan4j.pipeline.LongVideo;
import wan4j.tensor.InputException;

/// How many clips a video made of text or a picture has; the size of the request is that of a clip.
///
/// @param count the clips, each of which begins with the last frames of the one before it
/// @param overlap how many frames it shares with that one, 4 n + 1
/// @param later what clips show from the second on, the last one's for the rest too; empty for the
///   prompt of the request
public record ClipPlan(int count, int overlap, List<String> later) {
  /// The video is one clip.
  public static final ClipPlan ONE = new ClipPlan(1, 1, List.of());

  /// Copies the list; throws `InputException` for fewer than one clip or more prompts than clips.
  public ClipPlan {
    later = List.copyOf(later);
    if (count < 1) {
      throw new InputException("--clips got %d; give 1 or more".formatted(count));
    }
    if (later.size() >= count) {
      throw new InputException(
          "%d prompts were given for --clips %d; give one for all clips, or one a clip"
              .formatted(later.size() + 1, count));
    }
  }

  /// Returns the frames that a task's clips share where nothing else is said: what its network was
  /// trained to go on from.
  public static int usualOverlap(Task task) {
    return task == Task.I2V_A14B ? 1 : 5;
  }

  /// Returns how many frames the video has whose clips have so many.
  long frames(int clipFrames) {
    return count == 1 ? clipFrames : LongVideo.frames(count, clipFrames, overlap);
  }
}
