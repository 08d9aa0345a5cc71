package wan4j.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.LinearShapes;
import wan4j.ops.Parameters;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Weights in native memory. Linear layers that are stored in bfloat16 stay so: a matrix product
/// widens them piece by piece, without loss.
final class CpuParameters implements Parameters {
  private static final long PIECE = 16L << 20; // bytes read from a source at a time
  private static final long ALIGNMENT = 64;

  private final CpuMemory memory;
  private final Arena arena = Arena.ofShared();
  private long bytes;

  CpuParameters(CpuMemory memory) {
    this.memory = memory;
  }

  @Override
  public Tensor tensor(TensorSource source, DType dtype) {
    DType kept = source.dtype().isFloat() ? dtype : source.dtype();
    Tensor tensor = allocate(kept, source.shape());
    read(source, tensor.segment(), kept);
    return tensor;
  }

  @Override
  public Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision) {
    LinearShapes shapes = LinearShapes.of(weights, biases);
    if (precision.isFloat8()) {
      throw new IllegalArgumentException(
          "linear: the CPU backend has no " + precision + " layers; use PLAIN");
    }
    boolean isBFloat16 = weights.stream().allMatch(weight -> weight.dtype() == DType.BF16);
    DType dtype = isBFloat16 ? DType.BF16 : DType.F32;
    Tensor weight = allocate(dtype, shapes.weight());
    Tensor bias = allocate(DType.F32, Shape.of(shapes.outputs()));
    long row = 0;
    for (int i = 0; i < weights.size(); i++) {
      long rows = weights.get(i).shape().size(0);
      read(weights.get(i), weight.slice(row, rows).segment(), dtype);
      if (!biases.isEmpty()) {
        read(biases.get(i), bias.slice(row, rows).segment(), DType.F32);
      }
      row += rows;
    }
    return new CpuLinear(weight, bias, precision);
  }

  @Override
  public Convolution convolution(TensorSource weight, TensorSource bias) {
    Shape shape = weight.shape();
    if (shape.rank() != 4 && shape.rank() != 5) {
      throw new IllegalArgumentException(
          "convolution: %s is %s, expected 4 or 5 axes".formatted(weight.name(), shape));
    }
    long outputs = shape.size(0);
    long inputs = shape.size(1);
    long time = shape.rank() == 5 ? shape.size(2) : 1;
    Tensor packed =
        allocate(DType.F32, Shape.of(outputs, time, shape.size(-2), shape.size(-1), inputs));
    LinearShapes.requireBias(bias, outputs);
    Tensor packedBias = allocate(DType.F32, Shape.of(outputs));
    read(bias, packedBias.segment(), DType.F32);
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment plain = temporary.allocate(Math.max(shape.count() * 4, 4), ALIGNMENT);
      read(weight, plain, DType.F32);
      MemorySegment target = packed.segment();
      long positions = time * shape.size(-2) * shape.size(-1);
      long next = 0;
      for (long output = 0; output < outputs; output++) {
        for (long position = 0; position < positions; position++) {
          for (long input = 0; input < inputs; input++) {
            long from = (output * inputs + input) * positions + position;
            Floats.set(target, next++, Floats.get(plain, from));
          }
        }
      }
    }
    return new CpuConvolution(packed, packedBias);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    arena.close();
    memory.weights(-bytes);
  }

  private Tensor allocate(DType dtype, Shape shape) {
    long size = shape.count() * dtype.bytes();
    MemorySegment segment = arena.allocate(Math.max(size, 1), ALIGNMENT).asSlice(0, size);
    bytes += size;
    memory.weights(size);
    return new Tensor(shape, dtype, new HostStorage(segment));
  }

  private static void read(TensorSource source, MemorySegment target, DType dtype) {
    if (source.dtype() == dtype) {
      source.read(0, target.asSlice(0, source.bytes()));
      return;
    }
    long step = PIECE / source.dtype().bytes();
    long count = source.shape().count();
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment piece =
          temporary.allocate(Math.max(1, Math.min(step, count) * source.dtype().bytes()), 8);
      for (long first = 0; first < count; first += step) {
        long length = Math.min(step, count - first);
        MemorySegment part = piece.asSlice(0, length * source.dtype().bytes());
        source.read(first * source.dtype().bytes(), part);
        MemorySegment place = target.asSlice(first * dtype.bytes(), length * dtype.bytes());
        Floats.convert(part, source.dtype(), place, dtype, length);
      }
    }
  }
}
