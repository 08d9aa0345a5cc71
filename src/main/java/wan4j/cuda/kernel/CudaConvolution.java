package wan4j.cuda.kernel;

import wan4j.ops.Convolution;
import wan4j.tensor.Tensor;

/// A convolution in device memory: weight `[padded outputs, columns]` of the activation type, whose
/// columns are ordered time, height, width, input channel; outputs and columns are padded with
/// zeros to multiples of 8. The bias `[padded outputs]` is of that type too. `wide` is the weight
/// for features whose channels are padded with zeros to a multiple of 16, null where nothing wants
/// it. With channels in several groups the weight is `[groups, columns, outputs of a group]`,
/// without padding.
public record CudaConvolution(
    Tensor weight,
    Tensor bias,
    Tensor wide,
    int inputs,
    int outputs,
    int groups,
    int time,
    int height,
    int width)
    implements Convolution {
  /// Returns the weight for features of so many channels.
  Tensor weightFor(int channels) {
    return channels == inputs ? weight : wide;
  }

  /// Returns the rows of the weight.
  public int paddedOutputs() {
    return weight.length(0);
  }
}
