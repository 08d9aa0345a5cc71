package wan4j.cuda;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of norm.cu: norms over rows, written in the consumer's format.
final class NormKernels {
  private record Key(
      String name,
      int columns,
      int vector,
      DType input,
      DType change,
      DType weight,
      DType output,
      RowFormat format) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  NormKernels(Device device) {
    this.device = device;
  }

  /// Layer norm without weights, scaled and shifted by each row's group.
  void modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, RowOutput target) {
    int vector = Tiling.vector(x.length(1), x, shift, scale, target.written());
    launch("modulatedNorm", x, x.dtype(), DType.F32, vector, epsilon, target, shift, scale, rows);
  }

  /// Adds `y` to `x`, then [#modulatedNorm].
  void addModulatedNorm(
      Tensor x,
      Tensor y,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      RowOutput target) {
    int vector = Tiling.vector(x.length(1), x, y, shift, scale, target.written());
    launch(
        "addModulatedNorm",
        x,
        y.dtype(),
        DType.F32,
        vector,
        epsilon,
        target,
        y,
        shift,
        scale,
        rows);
  }

  /// Layer norm with weight and bias of one type.
  void layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon, RowOutput target) {
    int vector = Tiling.vector(x.length(1), x, weight, bias, target.written());
    launch("layerNorm", x, x.dtype(), weight.dtype(), vector, epsilon, target, weight, bias);
  }

  /// Adds `y` times the gate of each row's group to `x`, then [#layerNorm].
  void gatedAddLayerNorm(
      Tensor x,
      Tensor y,
      Tensor gate,
      Tensor rows,
      Tensor weight,
      Tensor bias,
      double epsilon,
      RowOutput target) {
    int vector = Tiling.vector(x.length(1), x, y, gate, weight, bias, target.written());
    launch(
        "gatedAddLayerNorm",
        x,
        y.dtype(),
        weight.dtype(),
        vector,
        epsilon,
        target,
        y,
        gate,
        rows,
        weight,
        bias);
  }

  /// Division by the root mean square, and weight.
  void rmsNorm(Tensor x, Tensor weight, double epsilon, RowOutput target) {
    int vector = Tiling.vector(x.length(1), x, weight, target.written());
    launch("rmsNorm", x, x.dtype(), weight.dtype(), vector, epsilon, target, weight);
  }

  private void launch(
      String name,
      Tensor x,
      DType change,
      DType weight,
      int vector,
      double epsilon,
      RowOutput target,
      Tensor... others) {
    if (x.length(0) == 0) {
      return;
    }
    int columns = x.length(1);
    KernelArguments arguments = device.arguments().add(DeviceStorage.address(x));
    for (Tensor other : others) {
      arguments.add(DeviceStorage.address(other));
    }
    target.addTo(arguments.add((float) epsilon));
    Key key =
        new Key(name, columns, vector, x.dtype(), change, weight, target.type(), target.format());
    device.launch(kernel(key), LaunchShape.of(x.length(0), Tiling.rowThreads(columns / vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "norm.cu",
                key.name,
                Map.of(
                    "COLUMNS", key.columns,
                    "VECTOR", key.vector,
                    "THREADS", Tiling.rowThreads(key.columns / key.vector),
                    "INPUT", ElementType.of(key.input),
                    "CHANGE", ElementType.of(key.change),
                    "WEIGHT", ElementType.of(key.weight),
                    "OUTPUT", ElementType.of(key.output),
                    "FORMAT", key.format.number())));
  }
}
