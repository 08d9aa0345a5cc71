package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Change;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of norm.cu: norms over rows, written in the consumer's format.
public final class NormKernels {
  private record Key(
      String name,
      int columns,
      int vector,
      DType input,
      Added added,
      DType weight,
      DType output,
      RowFormat format) {}

  /// What a kernel adds to rows before it normalises them: the number by which norm.cu knows it,
  /// and its type.
  private record Added(int kind, DType type) {
    static Added of(Change change) {
      return change == null
          ? new Added(0, DType.F32)
          : new Added(change.isGated() ? 2 : 1, change.values().dtype());
    }
  }

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public NormKernels(Device device) {
    this.device = device;
  }

  /// Adds a change, null for none, to `x`; then layer norm without weights, scaled and shifted by
  /// each row's group.
  public void modulatedNorm(
      Tensor x,
      Change change,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      RowOutput target) {
    int vector = vector(x, change, shift, scale, target.written());
    KernelArguments arguments =
        arguments(x, change).add(address(rows)).add(address(shift)).add(address(scale));
    launch("modulatedNorm", x, change, DType.F32, vector, epsilon, arguments, target);
  }

  /// Adds a change, null for none, to `x`; then layer norm with weight and bias of one type.
  public void layerNorm(
      Tensor x, Change change, Tensor weight, Tensor bias, double epsilon, RowOutput target) {
    int vector = vector(x, change, weight, bias, target.written());
    KernelArguments arguments = arguments(x, change).add(address(weight)).add(address(bias));
    launch("layerNorm", x, change, weight.dtype(), vector, epsilon, arguments, target);
  }

  /// Division by the root mean square, and weight.
  public void rmsNorm(Tensor x, Tensor weight, double epsilon, RowOutput target) {
    int vector = vector(x, null, weight, target.written());
    KernelArguments arguments = device.arguments().add(address(x)).add(address(weight));
    launch("rmsNorm", x, null, weight.dtype(), vector, epsilon, arguments, target);
  }

  private static int vector(Tensor x, Change change, Tensor... others) {
    int vector = Math.min(Tiling.vector(x.length(1), x), Tiling.vector(x.length(1), others));
    if (change != null) {
      vector = Math.min(vector, Tiling.vector(x.length(1), change.values()));
    }
    return change != null && change.isGated()
        ? Math.min(vector, Tiling.vector(x.length(1), change.gate()))
        : vector;
  }

  /// Begins the arguments `x, y, gates, gated`.
  private KernelArguments arguments(Tensor x, Change change) {
    return device
        .arguments()
        .add(address(x))
        .add(address(change == null ? null : change.values()))
        .add(address(change == null ? null : change.gate()))
        .add(address(change == null ? null : change.rows()));
  }

  private static long address(Tensor tensor) {
    return tensor == null ? 0 : DeviceStorage.address(tensor);
  }

  private void launch(
      String name,
      Tensor x,
      Change change,
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
    Key key =
        new Key(
            name,
            columns,
            vector,
            x.dtype(),
            Added.of(change),
            weight,
            target.type(),
            target.format());
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
                    "ADDED", key.added.kind,
                    "CHANGE", ElementType.of(key.added.type),
                    "WEIGHT", ElementType.of(key.weight),
                    "OUTPUT", ElementType.of(key.output),
                    "FORMAT", key.format.number())));
  }
}
