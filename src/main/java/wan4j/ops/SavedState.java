package wan4j.ops;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The state of a run between two steps: named tensors in host memory, whose names form a tree
/// (`solver.corrected`). Numbers are tensors of float64 and int64, so that a safetensors file holds
/// all of it to the bit.
public final class SavedState {
  private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private final SortedMap<String, Tensor> tensors;
  private final String prefix;

  private SavedState(SortedMap<String, Tensor> tensors, String prefix) {
    this.tensors = tensors;
    this.prefix = prefix;
  }

  /// Creates an empty state.
  public SavedState() {
    this(new TreeMap<>(), "");
  }

  /// Returns the part under a name; what is put there is in the whole.
  public SavedState at(String name) {
    return new SavedState(tensors, prefix + name + ".");
  }

  /// Says whether there is anything under a name.
  public boolean has(String name) {
    String whole = prefix + name;
    return tensors.keySet().stream()
        .anyMatch(key -> key.equals(whole) || key.startsWith(whole + "."));
  }

  /// Puts all of another state under a name.
  public void putAll(String name, SavedState other) {
    other.tensors.forEach((key, tensor) -> put(name + "." + key, tensor));
  }

  /// Puts all that another state has under a name of its own under a name, or at the top where that
  /// is empty.
  public void putAll(String name, SavedState other, String otherName) {
    String from = other.prefix + otherName;
    other.tensors.forEach((key, tensor) -> {
      if (key.equals(from)) {
        put(name, tensor);
      } else if (key.startsWith(from + ".")) {
        String rest = key.substring(from.length() + 1);
        put(name.isEmpty() ? rest : name + "." + rest, tensor);
      }
    });
  }

  /// Returns a state of the same tensors but for those under names.
  public SavedState without(List<String> names) {
    SavedState rest = new SavedState();
    tensors.forEach((key, tensor) -> {
      if (names.stream().noneMatch(name -> key.equals(name) || key.startsWith(name + "."))) {
        rest.put(key, tensor);
      }
    });
    return rest;
  }

  /// Puts a host tensor under a name.
  public void put(String name, Tensor tensor) {
    tensors.put(prefix + name, tensor);
  }

  /// Begins to read a tensor of a backend, which may change or die at once, and puts it under a
  /// name; its elements are awaited where they are first looked at, at the latest in [#arrive].
  public void put(Ops ops, String name, Tensor tensor) {
    Download download = ops.beginDownload(tensor);
    put(name, Tensor.deferred(tensor.dtype(), tensor.shape(), download::await));
  }

  /// Waits until all tensors are in host memory, which must be before their backend closes; any
  /// thread may wait, while others leave the state alone.
  public SavedState arrive() {
    tensors.values().forEach(Tensor::segment);
    return this;
  }

  /// Puts float64 numbers under a name.
  public void put(String name, double... numbers) {
    put(name, number(MemorySegment.ofArray(numbers.clone()), DType.F64, numbers.length));
  }

  /// Puts int64 numbers under a name.
  public void put(String name, long... numbers) {
    put(name, number(MemorySegment.ofArray(numbers.clone()), DType.I64, numbers.length));
  }

  private static Tensor number(MemorySegment segment, DType dtype, long count) {
    return new Tensor(Shape.of(count), dtype, new HostStorage(segment));
  }

  /// Returns the tensor under a name; throws `InputException` when there is none.
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(prefix + name);
    if (tensor == null) {
      throw new InputException(
          "the saved state has no %s; expected the state of the same request: run it from its beginning"
              .formatted(prefix + name));
    }
    return tensor;
  }

  /// Returns the tensor under a name; throws `InputException` when it is of another type or shape.
  public Tensor tensor(String name, DType dtype, Shape shape) {
    Tensor tensor = tensor(name);
    if (tensor.dtype() != dtype || !tensor.shape().equals(shape)) {
      throw new InputException(
          "%s of the saved state is %s %s, expected %s %s: run the request from its beginning"
              .formatted(prefix + name, tensor.dtype(), tensor.shape(), dtype, shape));
    }
    return tensor;
  }

  /// Copies a tensor under a name to one on a backend; throws `InputException` when it is of
  /// another type or shape.
  public void copy(Ops ops, String name, Tensor target) {
    try (Scope _ = ops.scope()) {
      ops.copy(ops.upload(tensor(name, target.dtype(), target.shape()), target.dtype()), target);
    }
  }

  /// Returns so many float64 numbers under a name; throws `InputException` for others.
  public double[] doubles(String name, int count) {
    MemorySegment source = tensor(name, DType.F64, Shape.of(count)).segment();
    double[] numbers = new double[count];
    MemorySegment.copy(source, DOUBLE, 0, numbers, 0, count);
    return numbers;
  }

  /// Returns so many int64 numbers under a name; throws `InputException` for others.
  public long[] longs(String name, int count) {
    MemorySegment source = tensor(name, DType.I64, Shape.of(count)).segment();
    long[] numbers = new long[count];
    MemorySegment.copy(source, LONG, 0, numbers, 0, count);
    return numbers;
  }

  /// Returns the int64 number under a name, which must be from 0 to `most`; throws `InputException`
  /// for others.
  public int count(String name, int most) {
    long number = longs(name, 1)[0];
    if (number < 0 || number > most) {
      throw new InputException(
          "%s of the saved state is %d, expected 0 to %d: run the request from its beginning"
              .formatted(prefix + name, number, most));
    }
    return Math.toIntExact(number);
  }

  /// Returns the tensors of this part by their names in it.
  public SortedMap<String, Tensor> ofPart() {
    SortedMap<String, Tensor> part = new TreeMap<>();
    tensors.forEach((key, tensor) -> {
      if (key.startsWith(prefix)) {
        part.put(key.substring(prefix.length()), tensor);
      }
    });
    return part;
  }

  /// Returns all tensors by their whole names.
  public SortedMap<String, Tensor> tensors() {
    return Collections.unmodifiableSortedMap(tensors);
  }
}
