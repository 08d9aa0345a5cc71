package wan4j.model;

import java.util.List;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.weights.TransformerConfig;
import wan4j.weights.lora.LoraApplication;

/// What all networks that predict velocities do with their weights.
abstract sealed class WeightedNetwork implements DiffusionNetwork
    permits WanTransformer, SpeechTransformer, CharacterTransformer {
  final TransformerConfig config;
  final NetworkWeights weights;

  WeightedNetwork(TransformerConfig config, NetworkWeights weights) {
    this.config = config;
    this.weights = weights;
  }

  @Override
  public TransformerConfig config() {
    return config;
  }

  @Override
  public List<LinearGroup> linearLayers() {
    return weights.linearLayers();
  }

  @Override
  public void rest() {
    weights.rest();
  }

  @Override
  public long bytes() {
    return weights.bytes();
  }

  @Override
  public void adapt(List<LoraApplication> applications) {
    weights.adapt(applications);
  }

  @Override
  public void restart() {
    weights.restart();
  }

  @Override
  public void save(Ops ops, SavedState state) {
    weights.save(state);
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    weights.restore(state);
  }

  @Override
  public void close() {
    weights.close();
  }
}
