package wan4j.engine;

import wan4j.ClipPlan;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.SampledVideo;
import wan4j.media.Sound;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.pipeline.CharacterAnimation;
import wan4j.pipeline.Course;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.LongVideo;
import wan4j.pipeline.SpeechToVideo;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.tensor.InputException;

/// Which course a task takes with what a request is made from.
public final class Courses {
  private Courses() {}

  /// Returns a request's course; throws `InputException` when the task cannot use what it is made
  /// from.
  public static Course of(Task task, VideoRequest request) {
    Course course = ofClip(task, request);
    ClipPlan clips = request.clips();
    if (clips.count() == 1) {
      return course;
    }
    return switch (course) {
      case TextToVideo text -> chained(text, text, request);
      case TextImageToVideo both -> chained(both, both, request);
      case ImageToVideo image ->
          chained(new ImageToVideo(image.picture(), image.area(), image.frames()), image, request);
      default ->
          throw new InputException(
              "--clips got %d, but %s cuts its video into clips by itself; leave it out"
                  .formatted(clips.count(), task.spelling()));
    };
  }

  private static Course chained(Course most, Course end, VideoRequest request) {
    ClipPlan clips = request.clips();
    LongVideo.requireOverlap(clips.overlap(), request.size().frames());
    return new LongVideo(most, end, clips.count(), clips.overlap());
  }

  /// Returns the course of a video that is one clip, or that the task cuts into clips itself.
  private static Course ofClip(Task task, VideoRequest request) {
    VideoSize size = request.size();
    return switch (task) {
      case T2V_A14B ->
          switch (request.source()) {
            case Source.Text _ -> text(task, size);
            case Source.Animation _ -> throw noCharacter(task);
            case Source.Image _ ->
                throw new InputException(
                    "task %s got an image, which it cannot use; use a checkpoint of i2v-A14B or ti2v-5B"
                        .formatted(task.spelling()));
            case Source.Speech _ -> throw unheard(task);
          };
      case I2V_A14B ->
          switch (request.source()) {
            case Source.Image image -> {
              ImageToVideo course =
                  new ImageToVideo(image.picture(), image.last(), size.area(), size.frames());
              var _ = course.size(WanVae21.STRIDE); // refused before anything is loaded
              yield course;
            }
            case Source.Animation _ -> throw noCharacter(task);
            case Source.Text _ ->
                throw new InputException(
                    "task %s got no image; give one with --image".formatted(task.spelling()));
            case Source.Speech _ -> throw unheard(task);
          };
      case TI2V_5B ->
          switch (request.source()) {
            case Source.Text _ -> text(task, size);
            case Source.Image image when image.last() != null ->
                throw new InputException(
                    "task %s got a last image, which it was not trained to end with; leave out --last_image, or use a checkpoint of i2v-A14B"
                        .formatted(task.spelling()));
            case Source.Image image -> {
              TextImageToVideo course =
                  new TextImageToVideo(image.picture(), size.area(), size.frames());
              var _ = course.size(WanVae22.STRIDE);
              yield course;
            }
            case Source.Speech _ -> throw unheard(task);
            case Source.Animation _ -> throw noCharacter(task);
          };
      case S2V_14B ->
          switch (request.source()) {
            case Source.Speech speech -> speech(speech, size);
            case Source.Text _ ->
                throw new InputException(
                    "task %s got no image; give the subject's with --image, and what it speaks with --audio"
                        .formatted(task.spelling()));
            case Source.Image _ ->
                throw new InputException(
                    "task %s got no sound; give one with --audio".formatted(task.spelling()));
            case Source.Animation _ -> throw noCharacter(task);
          };
      case ANIMATE_14B ->
          switch (request.source()) {
            case Source.Animation character ->
                new CharacterAnimation(
                    character.videos(), size.frames(), character.overlap(), task.sideStep());
            case Source.Text _, Source.Image _ ->
                throw new InputException(
                    "task %s got no driving video; give the folder that wan4j preprocess animate made with --src_root_path"
                        .formatted(task.spelling()));
            case Source.Speech _ -> throw unheard(task);
          };
    };
  }

  private static InputException noCharacter(Task task) {
    return new InputException(
        "task %s got a driving video, which it cannot use; use a checkpoint of animate-14B"
            .formatted(task.spelling()));
  }

  /// Returns the negative prompt that a task's request means.
  public static String negativePrompt(Task task, VideoRequest request) {
    return request.negativePrompt().isEmpty() ? task.negativePrompt() : request.negativePrompt();
  }

  private static InputException unheard(Task task) {
    return new InputException(
        "task %s got a sound, which it cannot use; use a checkpoint of s2v-14B"
            .formatted(task.spelling()));
  }

  /// Returns the course of a speaker.
  public static SpeechToVideo speech(Source.Speech source, VideoSize size) {
    Sound heard = source.sound().mono().at(SpeechToVideo.SOUND_RATE);
    SampledVideo poses =
        source.poses() == null
            ? null
            : SampledVideo.of(source.poses(), SpeechToVideo.FRAMES_PER_SECOND);
    Source.Clips clips = source.clips();
    return new SpeechToVideo(
        source.picture(),
        size.area(),
        heard.samples(0),
        poses == null ? null : poses::frames,
        new SpeechToVideo.Cut(clips.frames(), clips.most(), clips.startsFromPicture()));
  }

  private static Course text(Task task, VideoSize size) {
    task.requireSides(size);
    return new TextToVideo(size.frames(), size.height(), size.width());
  }
}
