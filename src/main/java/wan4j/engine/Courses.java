package wan4j.engine;

import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.pipeline.Course;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.tensor.InputException;

/// Which course a task takes with what a request is made from.
public final class Courses {
  private Courses() {}

  /// Returns a request's course; throws `InputException` when the task cannot use what it is made
  /// from.
  public static Course of(Task task, VideoRequest request) {
    VideoSize size = request.size();
    return switch (task) {
      case T2V_A14B ->
          switch (request.source()) {
            case Source.Text _ -> text(task, size);
            case Source.Image _ ->
                throw new InputException(
                    "task %s got an image, which it cannot use; use a checkpoint of i2v-A14B or ti2v-5B"
                        .formatted(task.spelling()));
          };
      case I2V_A14B ->
          switch (request.source()) {
            case Source.Image image ->
                new ImageToVideo(image.picture(), image.last(), size.area(), size.frames());
            case Source.Text _ ->
                throw new InputException(
                    "task %s got no image; give one with --image".formatted(task.spelling()));
          };
      case TI2V_5B ->
          switch (request.source()) {
            case Source.Text _ -> text(task, size);
            case Source.Image image when image.last() != null ->
                throw new InputException(
                    "task %s got a last image, which it was not trained to end with; leave out --last_image, or use a checkpoint of i2v-A14B"
                        .formatted(task.spelling()));
            case Source.Image image ->
                new TextImageToVideo(image.picture(), size.area(), size.frames());
          };
    };
  }

  /// Returns the negative prompt that a request means.
  public static String negativePrompt(VideoRequest request) {
    return request.negativePrompt().isEmpty() ? Task.NEGATIVE_PROMPT : request.negativePrompt();
  }

  private static Course text(Task task, VideoSize size) {
    task.requireSides(size);
    return new TextToVideo(size.frames(), size.height(), size.width());
  }
}
