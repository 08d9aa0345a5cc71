package wan4j.cuda;

import wan4j.ops.Convolution;
import wan4j.tensor.Tensor;

/// A convolution in device memory: weight `[padded outputs, columns]` of the activation type, whose
/// columns are ordered time, height, width, input channel; outputs and columns are padded with
/// zeros to multiples of 8. The bias `[padded outputs]` is of that type too.
record CudaConvolution(
    Tensor weight, Tensor bias, int inputs, int outputs, int time, int height, int width)
    implements Convolution {
  /// Returns the rows of the weight.
  int paddedOutputs() {
    return weight.length(0);
  }
}
