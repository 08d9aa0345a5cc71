package wan4j.ops;

/// A convolution that lives on a backend: kernel `[time, height, width]` over channels-last
/// features, with bias.
public interface Convolution {
  /// Returns the number of input channels.
  int inputs();

  /// Returns the number of output channels.
  int outputs();

  /// Returns the kernel size along time.
  int time();

  /// Returns the kernel size along height.
  int height();

  /// Returns the kernel size along width.
  int width();
}
