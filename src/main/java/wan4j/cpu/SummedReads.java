package wan4j.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import wan4j.cpu.Gemm.Matrix;
import wan4j.tensor.DType;
import wan4j.tensor.SummedSource;
import wan4j.tensor.SummedSource.Addend;
import wan4j.tensor.TensorSource;

/// Weights with LoRA files merged, through the matrix product of this machine: pieces of some rows
/// are read, get their part of each product in float32, and are written in the type that is wanted.
final class SummedReads {
  private static final long PIECE = 8L << 20; // bytes of a piece in float32
  private static final long ALIGNMENT = 64;

  private SummedReads() {}

  /// What is added, in float32: a product's outer and inner matrices, or values and null.
  private record Loaded(Addend addend, MemorySegment outer, MemorySegment inner) {}

  static void read(Gemm gemm, SummedSource source, MemorySegment target, DType dtype) {
    long count = source.shape().count();
    if (count == 0) {
      return;
    }
    int columns = source.rowLength();
    int rows = Math.toIntExact(count / columns);
    int step = Math.clamp(PIECE / 4 / columns, 1, rows);
    try (Arena arena = Arena.ofShared()) {
      List<Loaded> loaded = new ArrayList<>();
      for (Addend addend : source.addends()) {
        loaded.add(
            switch (addend) {
              case Addend.Product product ->
                  new Loaded(addend, floats(product.up(), arena), floats(product.down(), arena));
              case Addend.Values values -> new Loaded(addend, floats(values.values(), arena), null);
            });
      }
      Workers.run(
          Math.ceilDiv(rows, step),
          i -> {
            int first = i * step;
            int height = Math.min(step, rows - first);
            try (Arena own = Arena.ofConfined()) {
              MemorySegment piece =
                  rows(source.base(), (long) first * columns, height, columns, own);
              loaded.forEach(part -> add(gemm, part, first, height, columns, piece));
              long begin = (long) first * columns * dtype.bytes();
              long size = (long) height * columns;
              Floats.convert(
                  piece, DType.F32, target.asSlice(begin, size * dtype.bytes()), dtype, size);
            }
          });
    }
  }

  private static void add(
      Gemm gemm, Loaded part, int first, int height, int columns, MemorySegment piece) {
    switch (part.addend) {
      case Addend.Product product -> {
        int rank = product.rank();
        gemm.multiply(
            false,
            height,
            columns,
            rank,
            product.factor(),
            Matrix.at(part.outer, (long) first * rank, rank),
            new Matrix(part.inner, columns),
            1,
            new Matrix(piece, columns));
      }
      case Addend.Values values -> {
        long start = (long) first * columns;
        for (long i = 0; i < (long) height * columns; i++) {
          Floats.set(
              piece, i, Floats.get(piece, i) + values.factor() * Floats.get(part.outer, start + i));
        }
      }
    }
  }

  private static MemorySegment floats(TensorSource source, Arena arena) {
    MemorySegment values = arena.allocate(Math.max(source.shape().count(), 1) * 4, ALIGNMENT);
    CpuParameters.readPlain(source, values, DType.F32);
    return values;
  }

  private static MemorySegment rows(
      TensorSource base, long first, int height, int columns, Arena arena) {
    long count = (long) height * columns;
    int width = base.dtype().bytes();
    MemorySegment stored = arena.allocate(count * width, ALIGNMENT);
    base.read(first * width, stored);
    if (base.dtype() == DType.F32) {
      return stored;
    }
    MemorySegment values = arena.allocate(count * 4, ALIGNMENT);
    Floats.convert(stored, base.dtype(), values, DType.F32, count);
    return values;
  }
}
