package wan4j.cpu;

import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.EightBitContract;
import wan4j.ops.Ops;

/// The contract of attention in 8 bits, for the plain loops.
final class ScalarEightBitTest extends EightBitContract {
  @Override
  protected Ops ops() {
    return CpuOps.scalar();
  }

  @Override
  protected int[] lengths() {
    return new int[] {1, 7, 80, 129};
  }

  @Override
  protected int queries() {
    return 5;
  }

  /// Weights are as they are.
  @Override
  protected double weightError(EightBit format) {
    return 2e-6;
  }
}
