package wan4j.cli;

import picocli.CommandLine.Option;
import wan4j.AttentionSettings;

/// The flags that say how self-attention computes.
final class AttentionOptions {
  @Option(
      names = "--attention",
      description =
          "Self-attention of the transformers: auto, bf16, int8, fp8, int8qk, int8pv or cudnn"
              + " (default: auto).")
  private String attention;

  @Option(
      names = "--attention_schedule",
      description =
          "Steps and layers whose attention keeps bf16, such as first=2,last=1,layers=0+38-39"
              + " (default: none).")
  private String schedule;

  /// Says whether any flag was given.
  boolean isGiven() {
    return attention != null || schedule != null;
  }

  /// Returns the settings; throws `InputException` for names and schedules that there are not.
  AttentionSettings settings() {
    return AttentionSettings.of(attention == null ? "auto" : attention, schedule);
  }
}
