package wan4j.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import wan4j.Latents;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// A folder with the latents of a request after each step, one file a step.
public record StepLatents(Path folder) {
  private static final String PATTERN = "step-\\d+\\.safetensors";

  /// Says whether a path is such a folder.
  public static boolean recognises(Path path) {
    return Files.isDirectory(path) && !new StepLatents(path).files().isEmpty();
  }

  /// Throws `InputException` when the folder is there and not empty, or cannot be made.
  public void requireNew() {
    PendingFile.requireNewFolder("--save_latents", folder);
    PendingFile.requireWritableFolder(folder);
  }

  /// Writes the latents of a step, numbered from 1; throws `InputException` when the folder cannot
  /// be made or written.
  void write(int step, Tensor latents) {
    Path file = folder.resolve("step-%04d.safetensors".formatted(step));
    LatentsFile.write(file, new Latents(latents), Map.of("step", Integer.toString(step)));
  }

  /// Returns the files in the order of the steps.
  public List<Path> files() {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(file -> file.getFileName().toString().matches(PATTERN)).sorted().toList();
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read (%s); check its permissions".formatted(folder, e.getMessage()), e);
    }
  }
}
