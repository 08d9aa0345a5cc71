package wan4j.engine;

import wan4j.Quantization;
import wan4j.model.ClipVision;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LatentGrid;
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
    requireChannels(checkpoint, config);
    try (NullOps ops = new NullOps()) {
      for (Expert expert : checkpoint.experts()) {
        Weights weights = checkpoint.transformer(expert);
        PrecisionTable precisions = Precisions.table(quantization, weights);
        try (var _ = DiffusionNetwork.load(config, weights, ops, SequenceGroup.SOLO, precisions)) {
          weights.requireAllUsed();
        }
      }
      requireText(checkpoint, config, ops);
      requireAutoencoder(checkpoint, config, ops);
      if (checkpoint.kind() == CheckpointKind.S2V) {
        requireSpeech(checkpoint, config, ops);
      }
      if (checkpoint.kind() == CheckpointKind.ANIMATE) {
        requireVision(checkpoint, ops);
      }
    }
  }

  /// Throws `InputException` unless the transformer's input is what its task puts there.
  private static void requireChannels(Checkpoint checkpoint, TransformerConfig config) {
    int noise = config.outChannels();
    int expected =
        switch (checkpoint.kind()) {
          case T2V, TI2V, S2V -> noise;
          case I2V, ANIMATE -> 2 * noise + LatentGrid.TIME_STRIDE; // a mask and a picture beside it
        };
    if (config.inChannels() != expected) {
      throw new InputException(
          "%s has transformers that take %d channels and make %d; expected %d for %s: download the checkpoint again"
              .formatted(
                  checkpoint.folder(),
                  config.inChannels(),
                  noise,
                  expected,
                  checkpoint.kind().task()));
    }
  }

  private static void requireText(Checkpoint checkpoint, TransformerConfig config, NullOps ops) {
    Weights weights = checkpoint.textEncoder();
    try (UmT5Encoder network = new UmT5Encoder(weights, ops)) {
      weights.requireAllUsed();
      if (network.dim() != config.textDim()) {
        throw new InputException(
            "%s makes states of %d numbers, but the transformer reads %d; expected umT5-xxl as it comes with the checkpoint: download it again"
                .formatted(weights, network.dim(), config.textDim()));
      }
    }
  }

  private static void requireAutoencoder(
      Checkpoint checkpoint, TransformerConfig config, NullOps ops) {
    Weights weights = checkpoint.vae();
    try (VideoAutoencoder network = Networks.autoencoder(checkpoint, ops)) {
      weights.requireAllUsed();
      if (network.channels() != config.outChannels()) {
        throw new InputException(
            "%s has latents of %d channels, but the transformer makes %d; expected the autoencoder that comes with the checkpoint: download it again"
                .formatted(weights, network.channels(), config.outChannels()));
      }
    }
  }

  /// What the image network has beside, CLIP's text branch, is left alone.
  private static void requireVision(Checkpoint checkpoint, NullOps ops) {
    Weights picture = checkpoint.transformer(Expert.SINGLE).at("img_emb");
    try (var network = new ClipVision(checkpoint.vision(), ClipVision.HEADS, ops)) {
      int wanted = picture.shape("proj.0.weight", 1).length(0);
      if (network.dim() != wanted) {
        throw new InputException(
            "%s makes tokens of %d numbers, but the transformer sees %d; expected CLIP ViT-H/14 as it comes with the checkpoint: download it again"
                .formatted(checkpoint.vision(), network.dim(), wanted));
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
