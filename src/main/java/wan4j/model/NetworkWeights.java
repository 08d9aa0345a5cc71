package wan4j.model;

import java.util.List;
import java.util.Map;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SavedState;
import wan4j.ops.WeightSharing;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.weights.Weights;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.LoraApplication;
import wan4j.weights.lora.LoraTerm;

/// The weights of a network that predicts velocities, from loading to closing: what became of each,
/// the LoRA files beside them, and the histories of delayed scaling.
final class NetworkWeights implements AutoCloseable {
  private final Ops ops;
  private final Weights weights;
  private final LoadedParameters parameters;
  private final LayerLoader layers;
  private final PrecisionTable precisions;
  private Parameters loras;

  NetworkWeights(Weights weights, Ops ops, PrecisionTable precisions, WeightSharing sharing) {
    this.weights = weights;
    this.ops = ops;
    this.precisions = precisions;
    parameters = new LoadedParameters(ops.parameters(sharing));
    loras = ops.parameters();
    layers = new LayerLoader(parameters, precisions);
  }

  /// Returns what loads its layers.
  LayerLoader layers() {
    return layers;
  }

  /// Waits until all weights are there, on every rank; throws `InputException` when a layer that is
  /// to be skipped is not among them.
  void complete() {
    precisions.checkSkipped(
        layers.loaded().stream().flatMap(stack -> stack.layers().stream()).toList());
    parameters.complete();
    ops.synchronize();
  }

  /// Returns the linear layers in the order in which they were loaded.
  List<LinearGroup> linearLayers() {
    return List.copyOf(layers.loaded());
  }

  void rest() {
    parameters.rest();
  }

  long bytes() {
    return parameters.bytes() + loras.bytes();
  }

  void adapt(List<LoraApplication> applications) {
    Map<String, List<LoraTerm>> additions = AdaptedWeights.additions(weights, applications);
    loras.close();
    loras = ops.parameters();
    parameters.adapt(weights, additions, loras);
    ops.synchronize();
  }

  void restart() {
    parameters.restart();
  }

  void save(SavedState state) {
    state.put("histories", parameters.histories());
  }

  void restore(SavedState state) {
    Shape own = parameters.histories().shape();
    parameters.restore(state.tensor("histories", DType.F32, own));
  }

  @Override
  public void close() {
    loras.close();
    parameters.close();
  }
}
