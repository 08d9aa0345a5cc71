package wan4j.pipeline;

import wan4j.model.ClipVision;
import wan4j.model.VideoAutoencoder;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// The networks that a request runs through, each there when it is asked for. They are told when
/// the request is done with one for the time being, so that it can leave memory.
public interface CourseNetworks {
  /// Returns how the ranks whose networks these are divide a request; each calls what follows in
  /// the same order, but for what is said to be the first one's.
  default RunRanks ranks() {
    return RunRanks.ALONE;
  }

  /// Returns the backend of the transformers and the autoencoder.
  Ops ops();

  /// Says, on every rank, that prompts follow, which the first one reads.
  default void textIsNext() {}

  /// Returns the states of a prompt, float32 `[words, text dim]`, in host memory.
  Tensor text(String prompt);

  /// Says that no more prompts follow.
  void textIsDone();

  /// Returns the network that hears speech; throws `IllegalStateException` where the model has
  /// none.
  default Wav2Vec2 speech() {
    throw new IllegalStateException("the model has no speech network");
  }

  /// Returns how much each hidden state of the speech network counts for the transformer, from the
  /// input of the first layer on; they sum to 1.
  default double[] speechMix() {
    throw new IllegalStateException("the model has no speech network");
  }

  /// Says that no more speech follows for now.
  default void speechIsDone() {}

  /// Returns the image network; throws `IllegalStateException` where the model has none.
  default ClipVision vision() {
    throw new IllegalStateException("the model has no image network");
  }

  /// Says that the image network is not needed for now.
  default void visionIsDone() {}

  /// Returns the autoencoder.
  VideoAutoencoder autoencoder();

  /// Says that the autoencoder is not needed for now.
  void autoencoderIsDone();

  /// Returns the transformers.
  Experts experts();

  /// Says that the transformers are not needed for now.
  void expertsAreDone();
}
