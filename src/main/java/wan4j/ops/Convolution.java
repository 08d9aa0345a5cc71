package wan4j.ops;

/// A convolution that lives on a backend: kernel `[time, height, width]` over channels-last
/// features, with bias. Features of one dimension, such as sound, have it as time.
public interface Convolution {
  /// Returns the number of input channels, those of all groups.
  int inputs();

  /// Returns the number of output channels.
  int outputs();

  /// Returns the number of groups that channels are in.
  int groups();

  /// Returns the kernel size along time.
  int time();

  /// Returns the kernel size along height.
  int height();

  /// Returns the kernel size along width.
  int width();
}
