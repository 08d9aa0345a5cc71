package wan4j;

import wan4j.tensor.InputException;

/// How LoRA files change a network.
public enum LoraMode {
  /// They are merged, or run beside the weights where these are stored in FP8 and run so.
  AUTO("auto"),
  /// They are added to the weights while these are loaded, before anything is quantised.
  MERGE("merge"),
  /// They run beside the weights, which stay as they are, so that they can be changed in a moment.
  SIDE("side");

  private final String spelling;

  LoraMode(String spelling) {
    this.spelling = spelling;
  }

  /// Returns the mode's name on the command line.
  public String spelling() {
    return spelling;
  }

  /// Returns the mode of a name; throws `InputException` for an unknown one.
  public static LoraMode of(String name) {
    for (LoraMode mode : values()) {
      if (mode.spelling.equals(name)) {
        return mode;
      }
    }
    throw new InputException("--lora_mode got \"%s\"; give auto, merge or side".formatted(name));
  }
}
