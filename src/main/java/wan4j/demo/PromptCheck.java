package wan4j.demo;

import java.util.List;
import java.util.function.Predicate;
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
