package wan4j.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.files.FilePrint;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;

/// Tells checkpoints apart without reading all of their files.
public final class Fingerprint {
  private Fingerprint() {}

  /// Returns the print of the networks in a checkpoint's folder; throws `InputException` when it is
  /// no checkpoint.
  public static String ofCheckpoint(Path folder) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      List<Path> files = new ArrayList<>();
      for (Expert expert : checkpoint.experts()) {
        files.addAll(checkpoint.transformer(expert).paths());
      }
      files.addAll(checkpoint.textEncoder().paths());
      files.addAll(checkpoint.vae().paths());
      switch (checkpoint.kind()) {
        case T2V, I2V, TI2V -> {}
        case S2V -> files.addAll(checkpoint.speech().paths());
        case ANIMATE -> files.addAll(checkpoint.vision().paths());
      }
      return FilePrint.of(files);
    }
  }
}
