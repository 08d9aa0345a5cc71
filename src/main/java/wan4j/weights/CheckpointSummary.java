package wan4j.weights;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import wan4j.tensor.DType;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.TensorSource;

/// What a checkpoint holds, in numbers.
///
/// @param folder where it lies
/// @param layout how it is arranged
/// @param kind which model it is
/// @param networks its networks, transformers first
public record CheckpointSummary(
    Path folder, Layout layout, CheckpointKind kind, List<Network> networks) {
  /// One network in numbers.
  ///
  /// @param name what it is
  /// @param tensors how many tensors it has
  /// @param parameters how many elements they have
  /// @param bytes how many bytes they fill
  /// @param parametersByType how many elements are stored in each type
  public record Network(
      String name, int tensors, long parameters, long bytes, Map<DType, Long> parametersByType) {}

  /// Returns the bytes of all networks.
  public long bytes() {
    return networks.stream().mapToLong(Network::bytes).sum();
  }

  static Network network(String name, Weights weights) {
    long parameters = 0;
    long bytes = 0;
    Map<DType, Long> byType = new EnumMap<>(DType.class);
    List<TensorSource> tensors =
        weights.all().entrySet().stream()
            .filter(tensor -> !Weights.isRemark(tensor.getKey()))
            .map(Map.Entry::getValue)
            .toList();
    for (TensorSource tensor : tensors) {
      TensorSource source = tensor instanceof ScaledSource scaled ? scaled.codes() : tensor;
      if (tensor instanceof ScaledSource scaled) {
        bytes += scaled.factors().bytes();
      }
      parameters += source.shape().count();
      bytes += source.bytes();
      byType.merge(source.dtype(), source.shape().count(), Long::sum);
    }
    return new Network(name, tensors.size(), parameters, bytes, Map.copyOf(byType));
  }
}
