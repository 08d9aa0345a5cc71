package wan4j.weights.lora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// Finds the file of a LoRA that is given as a folder, as PEFT and Diffusers save it.
final class LoraFolder {
  private static final List<String> USUAL =
      List.of("adapter_model.safetensors", "pytorch_lora_weights.safetensors", "adapter_model.bin");

  private LoraFolder() {}

  /// Returns the file itself, or the one in a folder; throws `InputException` when there is none or
  /// several to choose from.
  static Path file(Path fileOrFolder) {
    if (!Files.isDirectory(fileOrFolder)) {
      return fileOrFolder;
    }
    for (String name : USUAL) {
      if (Files.exists(fileOrFolder.resolve(name))) {
        return fileOrFolder.resolve(name);
      }
    }
    List<Path> found = list(fileOrFolder);
    if (found.size() != 1) {
      throw new InputException(
          "%s is a folder that holds %d files ending in .safetensors; expected one, or %s: name the file itself"
              .formatted(fileOrFolder, found.size(), String.join(" or ", USUAL)));
    }
    return found.getFirst();
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    } catch (IOException e) {
      throw new InputException(folder + " cannot be listed; check its permissions", e);
    }
  }
}
