package wan4j.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import wan4j.EngineOptions.LoraMode;
import wan4j.LoraFile;
import wan4j.tensor.InputException;

/// The flags that name LoRA files; each may be given several times.
final class LoraOptions {
  @Option(
      names = "--lora",
      paramLabel = "FILE[:STRENGTH]",
      description = "A LoRA file for all experts, in any of the common key styles; repeatable.")
  private List<String> all = List.of();

  @Option(
      names = "--lora_high",
      paramLabel = "FILE[:STRENGTH]",
      description = "A LoRA file for the high-noise expert alone.")
  private List<String> high = List.of();

  @Option(
      names = "--lora_low",
      paramLabel = "FILE[:STRENGTH]",
      description = "A LoRA file for the low-noise expert alone.")
  private List<String> low = List.of();

  @Option(
      names = "--lora_mode",
      description =
          "merge: LoRA files are added to the weights while these are loaded. side: they run beside"
              + " the weights, which works with checkpoints in FP8 too (default: merge, or side"
              + " where the checkpoint's weights are stored in FP8 and run so).")
  private String mode;

  /// Returns how the files change the networks; `hasOthers` says that there are some beside those
  /// of these flags.
  LoraMode mode(boolean hasOthers) {
    if (mode == null) {
      return LoraMode.AUTO;
    }
    if (!hasOthers && all.isEmpty() && high.isEmpty() && low.isEmpty()) {
      throw new InputException(
          "--lora_mode was given without a LoRA file; name one with --lora, or leave it out");
    }
    return LoraMode.of(mode);
  }

  /// Returns the files that the flags name.
  List<LoraFile> files() {
    List<LoraFile> files = new ArrayList<>();
    all.forEach(text -> files.add(LoraFile.of(text, LoraFile.Target.ALL)));
    high.forEach(text -> files.add(LoraFile.of(text, LoraFile.Target.HIGH_NOISE)));
    low.forEach(text -> files.add(LoraFile.of(text, LoraFile.Target.LOW_NOISE)));
    return files;
  }
}
