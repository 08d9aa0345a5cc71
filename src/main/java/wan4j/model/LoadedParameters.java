package wan4j.model;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.Parameters;
import wan4j.ops.SideBranch;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.lora.LoraDelta;
import wan4j.weights.lora.LoraTerm;

/// A home of weights that remembers what became of each tensor of a checkpoint, so that LoRA files
/// find it again.
final class LoadedParameters implements Parameters {
  /// What became of a tensor.
  private sealed interface Place {
    /// It is a tensor.
    record Whole(Tensor tensor) implements Place {}

    /// It is a weight, or a bias, of a linear layer from an output on.
    record Part(Linear layer, int firstOutput, boolean isBias) implements Place {}
  }

  private final Parameters parameters;
  private final IdentityHashMap<TensorSource, Place> places = new IdentityHashMap<>();

  LoadedParameters(Parameters parameters) {
    this.parameters = parameters;
  }

  /// Attaches what LoRA files add to the layers of a network that was loaded here, and adds to its
  /// other tensors in place; `home` takes what that needs and undoes it when it is closed.
  void adapt(Weights network, Map<String, List<LoraTerm>> additions, Parameters home) {
    IdentityHashMap<Linear, List<SideBranch>> branches = new IdentityHashMap<>();
    List<Linear> inOrder = new ArrayList<>(); // so that the same files take the same memory
    additions.forEach((name, terms) -> {
      switch (places.get(network.tensor(name))) {
        case Place.Whole whole -> {
          for (LoraTerm term : terms) {
            home.adjust(whole.tensor(), difference(name, term), term.factor());
          }
        }
        case Place.Part part -> {
          List<SideBranch> own =
              branches.computeIfAbsent(
                  part.layer(),
                  layer -> {
                    inOrder.add(layer);
                    return new ArrayList<>();
                  });
          terms.forEach(term -> own.add(branch(part, term)));
        }
        case null ->
            throw new InputException(
                "a LoRA changes %s of %s, which cannot be changed beside the weights; merge it (--lora_mode merge)"
                    .formatted(name, network));
      }
    });
    inOrder.forEach(layer -> home.attach(layer, branches.get(layer)));
  }

  private static SideBranch branch(Place.Part part, LoraTerm term) {
    return switch (term.delta()) {
      case LoraDelta.LowRank pair ->
          new SideBranch.LowRank(part.firstOutput(), pair.down(), pair.up(), term.factor());
      case LoraDelta.Difference change ->
          part.isBias()
              ? new SideBranch.Bias(part.firstOutput(), change.values(), term.factor())
              : new SideBranch.Dense(part.firstOutput(), change.values(), term.factor());
    };
  }

  private static TensorSource difference(String name, LoraTerm term) {
    if (term.delta() instanceof LoraDelta.Difference change) {
      return change.values();
    }
    throw new InputException(
        "a LoRA changes %s, which is not a linear layer, by a product of %s; merge it (--lora_mode merge)"
            .formatted(name, term.delta().describe()));
  }

  @Override
  public Tensor tensor(TensorSource source, DType dtype) {
    Tensor tensor = parameters.tensor(source, dtype);
    places.put(source, new Place.Whole(tensor));
    return tensor;
  }

  @Override
  public Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision) {
    Linear layer = parameters.linear(weights, biases, precision);
    int first = 0;
    for (int i = 0; i < weights.size(); i++) {
      places.put(weights.get(i), new Place.Part(layer, first, false));
      if (!biases.isEmpty()) {
        places.put(biases.get(i), new Place.Part(layer, first, true));
      }
      first += weights.get(i).shape().length(0);
    }
    return layer;
  }

  @Override
  public Float8Matrix codes(Linear layer) {
    return parameters.codes(layer);
  }

  @Override
  public Convolution convolution(TensorSource weight, TensorSource bias, int groups) {
    return parameters.convolution(weight, bias, groups);
  }

  @Override
  public <B> List<B> blocks(int count, IntFunction<B> load) {
    return parameters.blocks(count, load); // what was only measured is replaced in `places`
  }

  @Override
  public void use(int block) {
    parameters.use(block);
  }

  @Override
  public void complete() {
    parameters.complete();
  }

  @Override
  public void rest() {
    parameters.rest();
  }

  @Override
  public void attach(Linear layer, List<SideBranch> branches) {
    parameters.attach(layer, branches);
  }

  @Override
  public void adjust(Tensor tensor, TensorSource difference, float factor) {
    parameters.adjust(tensor, difference, factor);
  }

  @Override
  public void restart() {
    parameters.restart();
  }

  @Override
  public Tensor histories() {
    return parameters.histories();
  }

  @Override
  public void restore(Tensor histories) {
    parameters.restore(histories);
  }

  @Override
  public long bytes() {
    return parameters.bytes();
  }

  @Override
  public void close() {
    parameters.close();
  }
}
