package wan4j.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import wan4j.cuda.CudaOps;
import wan4j.cuda.CudaScopes;
import wan4j.cuda.CudaTypes;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.plan.CountedScopes;
import wan4j.ops.plan.NullOps;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Takes a [KernelWalk] on the first GPU of hollow.c and on the backend without elements that
/// stands for it, and tells for both the most bytes that each operation adds to what scopes hold,
/// and the weights that each load leaves. Delayed scaling needs most in its first step, which is
/// what a plan counts, so the most of equal operations of a phase is what is compared.
final class MemoryWalk {
  private static final List<String> FREE = List.of("scope", "close", "synchronize", "peakBytes");

  private final CountedScopes backend;
  private final boolean isWhole;
  private final Map<String, Long> most = new TreeMap<>();
  private String phase = "";

  private MemoryWalk(CountedScopes backend, boolean isWhole) {
    this.backend = backend;
    this.isWhole = isWhole;
  }

  /// Walks on a GPU and returns a line for each operation.
  static List<String> device(CudaOps ops, boolean isWhole, Path folder, CudaTypes types) {
    return new MemoryWalk(CudaScopes.of(ops), isWhole).lines(folder, types);
  }

  /// Walks on shapes alone and returns the lines that a GPU is to give.
  static List<String> planned(boolean isWhole, Path folder, CudaTypes types) {
    try (NullOps shapes = NullOps.device(types.activation(), types.residual())) {
      return new MemoryWalk(CountedScopes.of(shapes), isWhole).lines(folder, types);
    }
  }

  private List<String> lines(Path folder, CudaTypes types) {
    Ops watched = watched(Ops.class, backend.ops());
    new KernelWalk(watched, isWhole, true, folder, next -> phase = next).run();
    return most.entrySet().stream()
        .map(entry -> "%s, %s: %d".formatted(types, entry.getKey(), entry.getValue()))
        .toList();
  }

  private <T> T watched(Class<T> type, T real) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (_, method, arguments) -> {
              if (FREE.contains(method.getName())) {
                return invoke(method, real, arguments);
              }
              long before = backend.held().getAsLong();
              var _ = backend.most().getAsLong();
              Object result = invoke(method, real, arguments);
              String key = "%s, %s(%s)".formatted(phase, method.getName(), described(arguments));
              most.merge(key, backend.most().getAsLong() - before, Math::max);
              if (real instanceof Parameters home) {
                most.merge(key + " leaves weights", home.bytes(), Math::max);
              }
              return result instanceof Parameters home ? watched(Parameters.class, home) : result;
            }));
  }

  private static Object invoke(Method method, Object real, Object[] arguments) throws Throwable {
    try {
      return method.invoke(real, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static String described(Object[] arguments) {
    return arguments == null
        ? ""
        : Arrays.stream(arguments).map(MemoryWalk::described).collect(Collectors.joining(", "));
  }

  /// Returns what an argument is, without what differs between backends.
  private static String described(Object argument) {
    return switch (argument) {
      case Tensor tensor -> tensor.dtype() + " " + tensor.shape();
      case Operand.Quantized operand ->
          described(operand.values()) + " " + described(operand.format());
      case Operand operand -> described(operand.values());
      case OperandFormat.Delayed _ -> "delayed";
      case Linear layer -> "%d to %d".formatted(layer.inputs(), layer.outputs());
      case Convolution layer ->
          "%dx%dx%d, %d to %d"
              .formatted(
                  layer.time(), layer.height(), layer.width(), layer.inputs(), layer.outputs());
      case Heads heads -> described(heads.query()) + " over " + heads.key().shape();
      case QuantizedHeads heads ->
          "%s %s over %s".formatted(heads.format(), heads.query().shape(), heads.key().shape());
      case KeyBlocks blocks -> "blocks " + blocks.blocks().shape();
      case TensorSource source -> source.dtype() + " " + source.shape();
      case List<?> list -> list.stream().map(MemoryWalk::described).toList().toString();
      case long[] sizes -> Arrays.toString(sizes);
      case double[] numbers -> Arrays.toString(numbers);
      case Enum<?> name -> name.toString();
      case Number number -> number.toString();
      case Boolean flag -> flag.toString();
      case Record record -> record.getClass().getSimpleName();
      default -> Objects.requireNonNull(argument).getClass().getSimpleName();
    };
  }
}
