package wan4j.engine;

import java.nio.file.Path;
import wan4j.LoraFile;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.CheckpointKind;

/// The LoRA file of a checkpoint of animate-14B that lights a character as what surrounds it is
/// lit.
public final class Relighting {
  private Relighting() {}

  /// Returns the file; throws `InputException` when the checkpoint is of another task or lacks it.
  public static LoraFile of(Path folder) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      if (checkpoint.kind() != CheckpointKind.ANIMATE) {
        throw new InputException(
            "%s is a checkpoint of %s, which has no relighting LoRA; leave out --replace_flag and --use_relighting_lora"
                .formatted(folder, checkpoint.kind().task()));
      }
      return new LoraFile(checkpoint.relightingLora(), 1, LoraFile.Target.ALL);
    }
  }
}
