package wan4j.media;

import wan4j.tensor.Tensor;

/// Takes a video's frames piece by piece, in order, so that no more of a video than a piece need be
/// in memory.
@FunctionalInterface
public interface FrameSink {
  /// Takes the frames that follow those taken before: unsigned bytes `[frames, height, width, 3]`
  /// in host memory, which nobody writes to any more.
  void accept(Tensor frames);

  /// Returns a sink that hands everything to this one and then to another.
  default FrameSink and(FrameSink other) {
    return frames -> {
      accept(frames);
      other.accept(frames);
    };
  }
}
