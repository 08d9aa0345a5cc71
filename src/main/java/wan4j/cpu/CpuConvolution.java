package wan4j.cpu;

import wan4j.ops.Convolution;
import wan4j.tensor.Tensor;

/// A convolution in host memory: float32 weight `[outputs, time, height, width, inputs / groups]`,
/// so that a window of channels-last features meets it in order, and float32 bias `[outputs]`.
record CpuConvolution(Tensor weight, Tensor bias, int groups) implements Convolution {
  @Override
  public int inputs() {
    return groupInputs() * groups;
  }

  /// Returns the input channels of one group.
  int groupInputs() {
    return weight.length(4);
  }

  @Override
  public int outputs() {
    return weight.length(0);
  }

  @Override
  public int time() {
    return weight.length(1);
  }

  @Override
  public int height() {
    return weight.length(2);
  }

  @Override
  public int width() {
    return weight.length(3);
  }
}
