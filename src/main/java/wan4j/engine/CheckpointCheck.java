package wan4j.engine;

import wan4j.Quantization;
import wan4j.model.ClipVision;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.Wav2Vec2;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.CheckpointKind;
import wan4j.weights.Expert;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Builds all networks of a checkpoint on shapes alone, so that a missing, surplus or wrong tensor
/// is known before the first one is loaded.
public final class CheckpointCheck {
  private CheckpointCheck() {}

  /// Throws `InputException` when a network lacks a tensor, has one too many or one of another
  /// shape.
  public static void require(Checkpoint checkpoint, TransformerConfig config) {
    require(checkpoint, config, Quantization.NONE);
  }

  /// Throws it also when `quantization` skips a layer that there is not or that is not quantised.
  public static void require(
      Checkpoint checkpoint, TransformerConfig config, Quantization quantization) {
    try (NullOps ops = new NullOps()) {
      for (Expert expert : checkpoint.experts()) {
        Weights weights = checkpoint.transformer(expert);
        PrecisionTable precisions = Precisions.table(quantization, weights);
        try (var _ = DiffusionNetwork.load(config, weights, ops, SequenceGroup.SOLO, precisions)) {
          weights.requireAllUsed();
        }
      }
      try (var _ = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
        checkpoint.textEncoder().requireAllUsed();
      }
      try (VideoAutoencoder _ = Networks.autoencoder(checkpoint, ops)) {
        checkpoint.vae().requireAllUsed();
      }
      if (checkpoint.kind() == CheckpointKind.ANIMATE) { // it holds CLIP's text branch too
        new ClipVision(checkpoint.vision(), ClipVision.HEADS, ops).close();
      }
      if (checkpoint.kind() == CheckpointKind.S2V) {
        requireSpeech(checkpoint, config, ops);
      }
    }
  }

  /// Throws `InputException` when the speech network is damaged or of another size than the
  /// transformer hears; what it has beside, for training and for writing down words, is left alone.
  private static void requireSpeech(Checkpoint checkpoint, TransformerConfig config, NullOps ops) {
    SpeechConfig wanted = config.speech();
    try (Wav2Vec2 network = new Wav2Vec2(checkpoint.speechConfig(), checkpoint.speech(), ops)) {
      if (network.entries() != wanted.soundLayers() || network.dim() != wanted.soundDim()) {
        throw new InputException(
            "%s has %d hidden states of %d numbers, but the transformer hears %d of %d; expected wav2vec2-large-xlsr-53-english as it comes with the checkpoint: download it again"
                .formatted(
                    checkpoint.speech(),
                    network.entries(),
                    network.dim(),
                    wanted.soundLayers(),
                    wanted.soundDim()));
      }
    }
  }
}
