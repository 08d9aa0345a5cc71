package wan4j.media;

/// Samples of a sound, block after block, so that long sounds need not lie in memory.
public interface SoundBlocks extends AutoCloseable {
  /// Returns the samples a second.
  int rate();

  /// Returns the number of channels.
  int channels();

  /// Returns the next block, an array of one length for each channel, or null at the end; throws
  /// `InputException` when it cannot be read.
  float[][] next();

  @Override
  void close();

  /// Returns the same sound at another rate.
  default SoundBlocks at(int rate) {
    return rate == rate() ? this : new ResampledBlocks(this, rate);
  }
}
