package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import wan4j.LoraFile;
import wan4j.Source;
import wan4j.Task;
import wan4j.engine.Relighting;
import wan4j.media.CharacterVideos;
import wan4j.tensor.InputException;

/// The flags of character animation.
final class CharacterOptions {
  @Option(
      names = "--src_root_path",
      description =
          "The folder of src_ref.png, src_pose.mp4 and src_face.mp4 that preprocess animate made"
              + " (animate).")
  private Path folder;

  @Option(
      names = "--replace_flag",
      arity = "0..1",
      fallbackValue = "True",
      description =
          "Replace the character of the driving video, of which src_bg.mp4 and src_mask.mp4 stay"
              + " (animate; default: False).")
  private String replaces;

  @Option(
      names = "--refert_num",
      description =
          "How many frames of a clip the next one is given, 1 or 5 (animate; default: 1).")
  private Integer overlap;

  @Option(
      names = "--use_relighting_lora",
      arity = "0..1",
      fallbackValue = "True",
      description =
          "Light the character as its surroundings are lit, by the checkpoint's relighting LoRA"
              + " (animate; default: with --replace_flag).")
  private String relights;

  /// Says whether the character of the driving video is replaced.
  boolean replaces() {
    return Flags.isTrue("--replace_flag", replaces, false);
  }

  /// Returns the relighting LoRA of a checkpoint where it is used, else nothing; what is unusual is
  /// told to `notes`.
  List<LoraFile> relighting(Path checkpoint, Consumer<String> notes) {
    if (!Flags.isTrue("--use_relighting_lora", relights, replaces())) {
      return List.of();
    }
    if (!replaces()) {
      notes.accept(
          "the relighting LoRA is used without --replace_flag; it was trained for replaced"
              + " characters");
    }
    return List.of(Relighting.of(checkpoint));
  }

  /// Throws `InputException` for flags that a task cannot use.
  void check(Task task) {
    if (task != Task.ANIMATE_14B) {
      refuse(task, "--src_root_path", folder);
      refuse(task, "--replace_flag", replaces);
      refuse(task, "--refert_num", overlap);
      refuse(task, "--use_relighting_lora", relights);
    }
  }

  /// Returns what the video is made from by these flags.
  Source source(Consumer<String> notes) {
    if (folder == null) {
      throw new InputException(
          "no driving video was given; give the folder that wan4j preprocess animate made with"
              + " --src_root_path");
    }
    return new Source.Animation(
        CharacterVideos.open(folder, replaces(), notes), overlap == null ? 1 : overlap);
  }

  private static void refuse(Task task, String flag, Object value) {
    if (value != null) {
      throw new InputException(
          "%s was given, but the checkpoint is one of %s; leave it out, or give a checkpoint of animate-14B"
              .formatted(flag, task.spelling()));
    }
  }
}
