package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import wan4j.ops.Linear;
import wan4j.ops.OperandFormat;
import wan4j.quant.Branch;
import wan4j.quant.Granularity;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A linear layer in host memory: weight `[outputs, inputs]` in float32, in bfloat16 as the
/// checkpoint had it, or in E4M3 with float32 inverse scales (none otherwise); bias float32
/// `[outputs]`, zeros where the layer has none; the input format of each branch.
record CpuLinear(Tensor weight, Tensor inverseScales, Tensor bias, List<OperandFormat> formats)
    implements Linear {
  @Override
  public int inputs() {
    return weight.length(1);
  }

  @Override
  public int outputs() {
    return weight.length(0);
  }

  @Override
  public OperandFormat input(Branch branch) {
    return formats.get(branch == Branch.CONDITIONAL ? 0 : 1);
  }

  /// Returns which elements of the E4M3 weight share a factor.
  Granularity granularity() {
    if (inverseScales.shape().rank() == 2) {
      return Granularity.BLOCK_128X128;
    }
    return inverseScales.count() == 1 ? Granularity.TENSOR : Granularity.ROW;
  }

  /// Returns the layer with another bias.
  CpuLinear withBias(Tensor other) {
    return new CpuLinear(weight, inverseScales, other, formats);
  }

  /// Says whether the weight lies in memory as a product needs it.
  boolean isWide() {
    return weight.dtype() == DType.F32;
  }

  /// Writes rows of the weight as float32.
  void widen(int first, int rows, MemorySegment target) {
    int inputs = inputs();
    MemorySegment source = weight.segment();
    if (weight.dtype() != DType.F8_E4M3) {
      Floats.convert(
          source.asSlice((long) first * inputs * weight.dtype().bytes()),
          weight.dtype(),
          target,
          DType.F32,
          (long) rows * inputs);
      return;
    }
    for (int row = 0; row < rows; row++) {
      long from = (long) (first + row) * inputs;
      Float8Rows.widen(source, from, inverse(first + row), inputs, target, (long) row * inputs);
    }
  }

  /// Returns the inverse scales of a row: one, or one for each 128 columns.
  private MemorySegment inverse(int row) {
    MemorySegment scales = inverseScales.segment();
    if (inverseScales.shape().rank() == 2) {
      long bytes = inverseScales.length(1) * 4L;
      return scales.asSlice(row / Granularity.BLOCK * bytes, bytes);
    }
    return scales.asSlice(Math.min(row, inverseScales.count() - 1) * 4, 4);
  }
}
