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
    KernelArguments arguments =
        device
            .arguments()
            .add(DeviceStorage.address(x))
            .add(DeviceStorage.address(shift))
            .add(DeviceStorage.address(scale))
            .add(DeviceStorage.address(rows));
    int vector = Tiling.vector(x.length(1), x, shift, scale, target.written());
    launch("modulatedNorm", x, DType.F32, vector, epsilon, arguments, target);
  }

  /// Layer norm with weight and bias of one type.
  void layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon, RowOutput target) {
    KernelArguments arguments =
        device
            .arguments()
            .add(DeviceStorage.address(x))
            .add(DeviceStorage.address(weight))
            .add(DeviceStorage.address(bias));
    int vector = Tiling.vector(x.length(1), x, weight, bias, target.written());
    launch("layerNorm", x, weight.dtype(), vector, epsilon, arguments, target);
  }

  /// Division by the root mean square, and weight.
  void rmsNorm(Tensor x, Tensor weight, double epsilon, RowOutput target) {
    KernelArguments arguments =
        device.arguments().add(DeviceStorage.address(x)).add(DeviceStorage.address(weight));
    int vector = Tiling.vector(x.length(1), x, weight, target.written());
    launch("rmsNorm", x, weight.dtype(), vector, epsilon, arguments, target);
  }

  private void launch(
      String name,
      Tensor x,
      DType weight,
      int vector,
      double epsilon,
      KernelArguments arguments,
      RowOutput target) {
    if (x.length(0) == 0) {
      return;
    }
    int columns = x.length(1);
    target.addTo(arguments.add((float) epsilon));
    Key key = new Key(name, columns, vector, x.dtype(), weight, target.type(), target.format());
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
                    "WEIGHT", ElementType.of(key.weight),
                    "OUTPUT", ElementType.of(key.output),
                    "FORMAT", key.format.number())));
  }
}
