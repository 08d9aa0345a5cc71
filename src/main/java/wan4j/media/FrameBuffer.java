package wan4j.media;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import wan4j.tensor.Tensor;

/// Keeps all frames of a video in memory, for videos that are looked at as a whole.
public final class FrameBuffer implements FrameSink {
  private final List<Tensor> pieces = new ArrayList<>();

  /// Creates a buffer without frames.
  public FrameBuffer() {}

  /// Keeps frames; throws `IllegalArgumentException` for another tensor.
  @Override
  public void accept(Tensor frames) {
    FrameConversion.checkFrames(frames);
    pieces.add(frames);
  }

  /// Returns the frames taken so far as unsigned bytes `[frames, height, width, 3]`; throws
  /// `IllegalStateException` when there are none.
  public Tensor frames() {
    if (pieces.isEmpty()) {
      throw new IllegalStateException("no frames have been taken");
    }
    if (pieces.size() > 1) {
      join();
    }
    return pieces.getFirst();
  }

  private void join() {
    Tensor first = pieces.getFirst();
    int count = pieces.stream().mapToInt(piece -> piece.length(0)).reduce(0, Math::addExact);
    Tensor whole = FrameConversion.frames(count, first.length(1), first.length(2));
    long at = 0;
    for (Tensor piece : pieces) {
      Tensor place = whole.slice(at, piece.length(0));
      MemorySegment.copy(piece.segment(), 0, place.segment(), 0, piece.bytes());
      at += piece.length(0);
    }
    pieces.clear();
    pieces.add(whole);
  }
}
