package wan4j.ops;

/// How a convolution's kernel moves over its input: strides along time and space, and zero padding
/// on the four sides. Time is never padded: the caller puts history frames in front.
public record Window(int timeStride, int spaceStride, int top, int left, int bottom, int right) {
  /// Every position, no padding.
  public static final Window VALID = new Window(1, 1, 0, 0, 0, 0);

  /// Every position, one pixel of padding on each side: a 3 x 3 kernel keeps height and width.
  public static final Window SAME_3X3 = new Window(1, 1, 1, 1, 1, 1);

  /// Every second position with one pixel of padding at the bottom and the right: a 3 x 3 kernel
  /// halves even sizes.
  public static final Window HALVE_3X3 = new Window(1, 2, 0, 0, 1, 1);

  /// Every second frame, no padding.
  public static final Window HALVE_TIME = new Window(2, 1, 0, 0, 0, 0);

  /// Returns the number of output frames for a number of input frames.
  public int frames(int input, int kernel) {
    return (input - kernel) / timeStride + 1;
  }

  /// Returns the output height for an input height.
  public int rows(int input, int kernel) {
    return (input + top + bottom - kernel) / spaceStride + 1;
  }

  /// Returns the output width for an input width.
  public int columns(int input, int kernel) {
    return (input + left + right - kernel) / spaceStride + 1;
  }
}
