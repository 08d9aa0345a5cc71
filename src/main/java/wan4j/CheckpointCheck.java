package wan4j;

import java.util.List;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.NullOps;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// Builds all networks of a checkpoint on shapes alone, so that a missing, surplus or wrong tensor
/// is known before the first one is loaded.
final class CheckpointCheck {
  private CheckpointCheck() {}

  /// Throws `InputException` when a network lacks a tensor, has one too many or one of another
  /// shape.
  static void require(Checkpoint checkpoint, TransformerConfig config) {
    try (NullOps ops = new NullOps()) {
      PrecisionTable precisions = PrecisionTable.of(Precision.PLAIN, List.of());
      for (Expert expert : checkpoint.experts()) {
        try (var _ =
            new WanTransformer(
                config, checkpoint.transformer(expert), ops, SequenceGroup.SOLO, precisions)) {
          checkpoint.transformer(expert).requireAllUsed();
        }
      }
      try (var _ = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
        checkpoint.textEncoder().requireAllUsed();
      }
      try (VideoAutoencoder _ =
          checkpoint.hasVae22()
              ? new WanVae22(checkpoint.vae(), ops)
              : new WanVae21(checkpoint.vae(), ops)) {
        checkpoint.vae().requireAllUsed();
      }
    }
  }
}
