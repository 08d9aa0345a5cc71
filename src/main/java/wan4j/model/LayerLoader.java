package wan4j.model;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import wan4j.ops.Linear;
import wan4j.ops.Parameters;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// Loads linear layers by the names that the checkpoint gives them, each in the precision that the
/// table has for it, and notes which ones.
///
/// @param loaded those that were loaded, in order; blocks that are measured first come once
record LayerLoader(Parameters parameters, PrecisionTable precisions, Set<LinearGroup> loaded) {
  /// Creates a loader that has loaded nothing yet.
  LayerLoader(Parameters parameters, PrecisionTable precisions) {
    this(parameters, precisions, new LinkedHashSet<>());
  }

  /// Loads `name.weight [outputs, inputs]` and `name.bias [outputs]`.
  Linear linear(Weights weights, String name, long outputs, long inputs) {
    return stacked(weights, List.of(name), outputs, inputs);
  }

  /// Loads several layers with the same inputs as one, their outputs one after the other.
  Linear stacked(Weights weights, List<String> names, long outputs, long inputs) {
    return parameters.linear(
        names.stream().map(name -> matrix(weights, name, outputs, inputs)).toList(),
        names.stream().map(name -> weights.tensor(name + ".bias", outputs)).toList(),
        noted(weights, names));
  }

  /// Loads the parts of one stored layer, each of so many outputs, as layers of their own.
  List<Linear> split(Weights weights, String name, int parts, long outputs, long inputs) {
    TensorSource weight = matrix(weights, name, parts * outputs, inputs);
    TensorSource bias = weights.tensor(name + ".bias", parts * outputs);
    Precision precision = noted(weights, List.of(name));
    return IntStream.range(0, parts)
        .mapToObj(part ->
            parameters.linear(
                List.of(weight.slice(part * outputs, outputs)),
                List.of(bias.slice(part * outputs, outputs)),
                precision))
        .toList();
  }

  /// Loads several layers without bias and with the same inputs as one.
  Linear unbiased(Weights weights, long outputs, long inputs, String... names) {
    return parameters.linear(
        Arrays.stream(names).map(name -> matrix(weights, name, outputs, inputs)).toList(),
        List.of(),
        noted(weights, List.of(names)));
  }

  private Precision noted(Weights weights, List<String> names) {
    List<String> paths = names.stream().map(weights::path).toList();
    Precision precision = precisions.precision(paths);
    loaded.add(new LinearGroup(paths, precision));
    return precision;
  }

  /// Returns the weight of a layer; one with more axes, as of a convolution without overlap, counts
  /// as a matrix.
  private static TensorSource matrix(Weights weights, String name, long outputs, long inputs) {
    TensorSource source = weights.tensor(name + ".weight");
    Shape shape = source.shape();
    if (shape.rank() < 2 || shape.size(0) != outputs || shape.count() != outputs * inputs) {
      throw new InputException(
          "%s holds %s with shape %s; expected %d outputs of %d inputs: use the checkpoint that belongs to this configuration"
              .formatted(weights.title(), source.name(), shape, outputs, inputs));
    }
    return source;
  }
}
