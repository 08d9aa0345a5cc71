package wan4j.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import wan4j.Progress;
import wan4j.VideoEngine;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.tensor.Tensor;

/// What a prompt's video shows of what the prompt says.
///
/// @param prompt the prompt
/// @param motion what the video shows of the colour and its direction
/// @param shape what it shows of the shape
public record PromptCheck(MotionPrompt prompt, MotionCheck motion, ShapeCheck shape) {
  /// Looks at a prompt's video of unsigned bytes `[frames, height, width, 3]`.
  public static PromptCheck of(MotionPrompt prompt, Tensor frames) {
    return new PromptCheck(
        prompt,
        MotionCheck.of(frames, prompt.color(), prompt.direction()),
        ShapeCheck.of(frames, prompt.color()));
  }

  /// Makes the videos of the first prompts of the list with a model of the demo, from the noise of
  /// `seed` and the seeds after it, and looks at each; `found` is told one by one. A model that
  /// needs a picture is given the first frame as the prompt says it; one that can do without is
  /// given every second.
  public static List<PromptCheck> run(
      VideoEngine engine, DemoTask task, int count, long seed, Consumer<PromptCheck> found) {
    List<PromptCheck> checks = new ArrayList<>();
    for (MotionPrompt prompt : MotionPrompt.first(count)) {
      boolean isGiven = isGiven(task, checks.size());
      Picture picture = isGiven ? prompt.firstFrame(DemoRequest.SIDE) : null;
      FrameBuffer video = new FrameBuffer();
      engine.generate(
          DemoRequest.of(prompt.text(), picture, seed + checks.size()), video, Progress.NONE);
      PromptCheck check = of(prompt, video.frames());
      checks.add(check);
      found.accept(check);
    }
    return checks;
  }

  private static boolean isGiven(DemoTask task, int number) {
    return task == DemoTask.I2V || (task == DemoTask.TI2V && number % 2 == 1);
  }

  /// Says whether the video shows the colour.
  public boolean showsColor() {
    return motion.hasColor();
  }

  /// Says whether the video shows the colour, moving in the direction.
  public boolean showsMotion() {
    return motion.passes();
  }

  /// Says whether the video shows the shape.
  public boolean showsShape() {
    return shape.shows(prompt.shape());
  }

  /// Returns the share, in per cent, of checks of which something holds.
  public static double percent(List<PromptCheck> checks, Predicate<PromptCheck> holds) {
    return 100.0 * checks.stream().filter(holds).count() / checks.size();
  }
}
