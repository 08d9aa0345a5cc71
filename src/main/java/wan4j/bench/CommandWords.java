package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.media.Picture;
import wan4j.media.PictureWriter;
import wan4j.tensor.InputException;

/// The words of a `generate` that a benchmark runs as a user would type it.
final class CommandWords {
  /// The shift at which two steps have one on each side of both tasks' boundary, and four have two.
  private static final String SHIFT = "5";

  private CommandWords() {}

  /// Returns the words after `generate` but for the target; a picture for it is written to
  /// `folder`. Throws `InputException` for a task that needs more than a prompt and a picture.
  static List<String> of(
      Workbench.Settings settings,
      Path checkpoint,
      VideoSize size,
      int steps,
      Task task,
      Path folder) {
    List<String> words = new ArrayList<>();
    words.addAll(List.of("--ckpt_dir", checkpoint.toString()));
    words.addAll(List.of("--device", settings.device().spelling()));
    if (settings.device() == Device.CUDA) {
      switch (settings.arithmetic()) {
        case BFLOAT16, BFLOAT16_RESIDUAL -> words.addAll(List.of("--precision", "bf16"));
        case FLOAT32 -> words.addAll(List.of("--precision", "fp32"));
        case TF32 -> words.addAll(List.of("--precision", "fp32", "--tf32"));
      }
    }
    if (settings.recipe() != Quantization.Recipe.NONE) {
      words.addAll(List.of("--quantize", "--fp8_recipe", settings.recipe().spelling()));
    }
    words.addAll(List.of("--prompt", "a red ball moves to the right", "--base_seed", "1"));
    words.addAll(List.of("--size", size.sides(), "--frame_num", String.valueOf(size.frames())));
    words.addAll(List.of("--any_size", "--sample_shift", SHIFT));
    words.addAll(List.of("--sample_steps", String.valueOf(steps)));
    switch (task) {
      case T2V_A14B, TI2V_5B -> {}
      case I2V_A14B ->
          words.addAll(List.of("--image", picture(folder.resolve("picture.png"), size).toString()));
      default ->
          throw new InputException(
              "got a checkpoint of %s; give one of t2v-A14B, i2v-A14B or ti2v-5B"
                  .formatted(task.spelling()));
    }
    return words;
  }

  private static Path picture(Path file, VideoSize size) {
    byte[] pixels = new byte[Math.multiplyExact(3, Math.toIntExact(size.area()))];
    new Random(1).nextBytes(pixels);
    PictureWriter.write(new Picture(size.width(), size.height(), pixels), file);
    return file;
  }
}
