package wan4j;

import java.nio.file.Path;
import java.util.Objects;
import wan4j.tensor.InputException;

/// A LoRA file that changes the transformers.
///
/// @param path the file
/// @param strength by what its changes are multiplied; negative to subtract them
/// @param target which experts it changes
public record LoraFile(Path path, float strength, Target target) {
  /// Refuses null by name, with a `NullPointerException`.
  public LoraFile {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(target, "target");
  }

  /// Which experts a file changes.
  public enum Target {
    /// All of them.
    ALL,
    /// The one of the noisier steps.
    HIGH_NOISE,
    /// The one of the later steps.
    LOW_NOISE
  }

  /// Returns the file that a text such as `style.safetensors` or `style.safetensors:0.8` names;
  /// throws `InputException` when the strength is not a finite number.
  public static LoraFile of(String text, Target target) {
    if (text.isBlank() || text.startsWith(":")) {
      throw new InputException(
          "a LoRA got \"%s\", which names no file; give FILE or FILE:STRENGTH".formatted(text));
    }
    int colon = text.lastIndexOf(':');
    // a path with a colon in a folder's name has a separator after it
    if (colon < 0 || !text.substring(colon + 1).matches("[-+.\\w]*")) {
      return new LoraFile(Path.of(text), 1, target);
    }
    String number = text.substring(colon + 1);
    try {
      float strength = Float.parseFloat(number);
      if (Float.isFinite(strength)) {
        return new LoraFile(Path.of(text.substring(0, colon)), strength, target);
      }
    } catch (NumberFormatException e) {
      throw new InputException(wrong(text, number), e);
    }
    throw new InputException(wrong(text, number));
  }

  private static String wrong(String text, String number) {
    return "the LoRA %s has the strength \"%s\"; give FILE or FILE:STRENGTH, such as style.safetensors:0.8"
        .formatted(text, number);
  }
}
