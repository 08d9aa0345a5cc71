package wan4j.ops.check;

import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// The sizes of a convolution, as the shape of its weight tells them.
///
/// @param outputs output channels
/// @param groupInputs input channels of one group
/// @param groups groups that both are in
/// @param time kernel size along time, 1 for an image's
/// @param height kernel size along height, 1 for a sound's
/// @param width kernel size along width, 1 for a sound's
public record ConvolutionShapes(
    int outputs, int groupInputs, int groups, int time, int height, int width) {
  /// Returns the sizes; throws `IllegalArgumentException` when the weight is none of a convolution,
  /// groups do not divide its outputs or the bias does not fit.
  public static ConvolutionShapes of(TensorSource weight, TensorSource bias, int groups) {
    Shape shape = weight.shape();
    if (shape.rank() < 3 || shape.rank() > 5) {
      throw new IllegalArgumentException(
          "convolution: %s is %s, expected 3, 4 or 5 axes".formatted(weight.name(), shape));
    }
    Shapes.divisible("convolution", "the outputs of " + weight.name(), shape.size(0), groups);
    LinearShapes.requireBias(bias, shape.size(0));
    boolean hasTime = shape.rank() != 4;
    boolean hasSpace = shape.rank() != 3;
    return new ConvolutionShapes(
        shape.length(0),
        shape.length(1),
        groups,
        hasTime ? shape.length(2) : 1,
        hasSpace ? shape.length(-2) : 1,
        hasSpace ? shape.length(-1) : 1);
  }

  /// Returns the input channels of all groups.
  public int inputs() {
    return groupInputs * groups;
  }

  /// Returns the positions of the kernel.
  public int positions() {
    return time * height * width;
  }
}
