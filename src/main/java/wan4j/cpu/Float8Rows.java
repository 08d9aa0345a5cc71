package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.IdentityHashMap;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.check.Shapes;
import wan4j.quant.DelayedScalingState;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.ScaleRule;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Activations in E4M3: the scalar rules of `quant`, rows spread over the processors, and the
/// histories of delayed scaling.
final class Float8Rows {
  private static final float[] VALUES = values();

  private final CpuMemory memory;
  private final IdentityHashMap<Tensor, DelayedScalingState> histories = new IdentityHashMap<>();

  Float8Rows(CpuMemory memory) {
    this.memory = memory;
  }

  /// Creates the format of one layer and branch under delayed scaling; `state` stands for the
  /// history, which begins now.
  OperandFormat.Delayed delayed(Tensor state) {
    histories.put(state, new DelayedScalingState());
    return new OperandFormat.Delayed(state);
  }

  /// Returns the history that a state stands for.
  DelayedScalingState history(Tensor state) {
    return histories.get(state);
  }

  /// Forgets a history.
  void forget(Tensor state) {
    histories.remove(state);
  }

  /// Quantises float32 rows; under delayed scaling each forward does this once, which advances the
  /// history.
  Operand.Quantized quantize(Tensor x, OperandFormat want) {
    Tensor values = memory.empty(DType.F8_E4M3, x.shape());
    Tensor inverse = memory.empty(DType.F32, Shapes.inverseScales(x.shape(), want));
    switch (want) {
      case OperandFormat.Delayed delayed -> {
        DelayedScalingState history = histories.get(delayed.state());
        if (history == null) {
          throw new IllegalArgumentException(
              "operand: this Delayed format is not of a layer of this backend; ask"
                  + " layer.input(branch)");
        }
        float largest = largest(x);
        history.calibrate(largest);
        whole(x, history.scale(), values, inverse);
        history.record(largest);
        history.update();
      }
      case OperandFormat.Simple simple -> {
        switch (simple) {
          case FLOAT8_CURRENT -> quantize(x, Granularity.TENSOR, ScaleRule.EXACT, values, inverse);
          case FLOAT8_TOKEN -> quantize(x, Granularity.ROW, ScaleRule.EXACT, values, inverse);
          case FLOAT8_BLOCK ->
              quantize(x, Granularity.BLOCK_1X128, ScaleRule.BLOCK, values, inverse);
          case PLAIN, FLOAT32 -> throw new IllegalArgumentException(want + " has no scales");
        }
      }
    }
    return new Operand.Quantized(values, inverse, want);
  }

  /// Returns the float32 values that quantised rows stand for.
  Tensor dequantize(Operand.Quantized x) {
    Tensor target = memory.empty(DType.F32, x.values().shape());
    MemorySegment in = x.values().segment();
    MemorySegment scales = x.inverseScales().segment();
    MemorySegment out = target.segment();
    int columns = x.values().length(1);
    Shape shape = x.inverseScales().shape();
    long each = shape.rank() == 2 ? shape.size(1) : 1;
    long last = shape.size(0) - 1; // one scale may serve all rows
    Workers.rows(
        x.values().length(0),
        columns,
        (first, end) -> {
          for (long row = first; row < end; row++) {
            MemorySegment inverse = scales.asSlice(Math.min(row, last) * each * 4, each * 4);
            widen(in, row * columns, inverse, columns, out, row * columns);
          }
        });
    return target;
  }

  /// Writes one row as float32; `inverse` holds its scale or one for each 128 columns.
  static void widen(
      MemorySegment source,
      long from,
      MemorySegment inverse,
      int columns,
      MemorySegment target,
      long to) {
    int length = inverse.byteSize() == 4 ? columns : Granularity.BLOCK;
    for (int first = 0; first < columns; first += length) {
      float factor = Floats.get(inverse, first / length);
      for (int i = first; i < Math.min(columns, first + length); i++) {
        float value = VALUES[source.get(ValueLayout.JAVA_BYTE, from + i) & 0xFF];
        Floats.set(target, to + i, value * factor);
      }
    }
  }

  private static float largest(Tensor x) {
    float[] rows = new float[x.length(0)];
    Workers.rows(
        rows.length,
        x.length(1),
        (first, end) -> {
          Tensor part = x.slice(first, end - first);
          float[] found = Float8Quantizer.largestMagnitudes(part, Granularity.ROW);
          System.arraycopy(found, 0, rows, (int) first, found.length);
        });
    float largest = 0;
    for (float row : rows) {
      largest = Math.max(largest, row);
    }
    return largest;
  }

  private static void whole(Tensor x, float scale, Tensor values, Tensor inverse) {
    Workers.rows(
        x.length(0),
        x.length(1),
        (first, end) -> {
          Tensor part = x.slice(first, end - first);
          put(Float8Quantizer.quantize(part, scale).values(), values.slice(first, end - first));
        });
    Floats.set(inverse.segment(), 0, 1f / scale);
  }

  /// Quantises a float matrix by groups of a granularity into `values` and `inverse`, on all
  /// processors.
  static void quantize(
      Tensor x, Granularity granularity, ScaleRule rule, Tensor values, Tensor inverse) {
    switch (granularity) {
      case TENSOR -> whole(x, rule.scale(largest(x)), values, inverse);
      case ROW, BLOCK_1X128 -> {
        Workers.Rows task =
            (first, end) -> put(x, first, end, 1, granularity, rule, values, inverse);
        Workers.rows(x.length(0), x.length(1), task);
      }
      case BLOCK_128X128 -> {
        long rows = x.shape().size(0);
        int height = Granularity.BLOCK;
        Workers.run(
            Math.toIntExact(Math.ceilDiv(rows, (long) height)),
            i -> {
              long first = (long) i * height;
              long end = Math.min(rows, first + height);
              put(x, first, end, height, granularity, rule, values, inverse);
            });
      }
    }
  }

  /// Quantises rows that begin a group of `height` rows.
  private static void put(
      Tensor x,
      long first,
      long end,
      int height,
      Granularity granularity,
      ScaleRule rule,
      Tensor values,
      Tensor inverse) {
    Float8Matrix matrix = Float8Quantizer.quantize(x.slice(first, end - first), granularity, rule);
    put(matrix.values(), values.slice(first, end - first));
    long groups = matrix.inverseScales().shape().size(0);
    put(matrix.inverseScales(), inverse.slice(first / height, groups));
  }

  private static void put(Tensor source, Tensor target) {
    target.segment().copyFrom(source.segment());
  }

  private static float[] values() {
    float[] values = new float[256];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float8.fromE4m3((byte) i);
    }
    return values;
  }
}
