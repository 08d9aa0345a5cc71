package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;
import wan4j.ClipPlan;
import wan4j.Task;
import wan4j.tensor.InputException;

/// The flags that say what the video shows, and of how many clips it is.
final class ClipOptions {
  @Option(
      names = "--prompt",
      paramLabel = "<prompt>",
      description =
          "What the video shows (default for animate: the reference's own); with --clips it may be"
              + " given once a clip.")
  private List<String> prompts;

  @Option(names = "--prompt_file", description = "A file with the prompt, in UTF-8.")
  private Path file;

  @Option(
      names = "--clips",
      paramLabel = "1..",
      description =
          "Make a longer video of so many clips of --frame_num frames, each beginning with the last"
              + " frames of the one before (t2v, i2v and ti2v; default: 1).")
  private Integer clips;

  @Option(
      names = "--clip_overlap",
      paramLabel = "1..",
      description = "With --clips: the frames that two clips share, 4n+1 (default: i2v 1, else 5).")
  private Integer overlap;

  /// Throws `InputException` for flags that exclude each other.
  void check() {
    if (prompts != null && file != null) {
      throw new InputException("--prompt and --prompt_file were both given; give one of them");
    }
    int given = prompts == null ? 1 : prompts.size();
    int wanted = clips == null ? 1 : clips;
    if (given > 1 && given != wanted) {
      throw new InputException(
          "--prompt was given %d times%s; give it once, or once a clip with --clips %d"
              .formatted(given, clips == null ? "" : " and --clips " + clips, given));
    }
    if (overlap != null && wanted == 1) {
      throw new InputException(
          "--clip_overlap was given for a video of one clip; add --clips 2, or leave it out");
    }
  }

  /// Says whether the prompt comes from a file.
  boolean hasFile() {
    return file != null;
  }

  /// Returns what the video, or its first clip, shows.
  String prompt(Task task) {
    boolean isGiven = prompts != null || file != null;
    return isGiven || task.usualPrompt() == null
        ? Prompt.of(prompts == null ? null : prompts.getFirst(), file)
        : task.usualPrompt();
  }

  /// Returns the clips of a task's video.
  ClipPlan plan(Task task) {
    if (clips == null) {
      return ClipPlan.ONE;
    }
    List<String> later = prompts == null ? List.of() : prompts.subList(1, prompts.size());
    later.forEach(Prompt::requireReadable);
    return new ClipPlan(clips, overlap == null ? ClipPlan.usualOverlap(task) : overlap, later);
  }

  /// Says whether there is more than one.
  boolean areMany() {
    return clips != null && clips > 1;
  }
}
