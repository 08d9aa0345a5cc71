package wan4j.pipeline;

import java.util.ArrayDeque;
import java.util.Deque;
import wan4j.media.FrameBuffer;
import wan4j.tensor.Tensor;

/// The last frames of a video so far, as many as the next clip looks at.
final class LastFrames {
  private final int most;
  private final Deque<Tensor> pieces = new ArrayDeque<>();
  private long count;

  LastFrames(int most) {
    this.most = most;
  }

  /// Takes the next frames, unsigned bytes `[frames, height, width, 3]`.
  void add(Tensor frames) {
    if (most == 0) {
      return;
    }
    pieces.add(frames);
    count += frames.length(0);
    while (count - pieces.getFirst().length(0) >= most) {
      count -= pieces.removeFirst().length(0);
    }
  }

  /// Returns them as one tensor; null for none.
  Tensor frames() {
    if (pieces.isEmpty()) {
      return null;
    }
    FrameBuffer buffer = new FrameBuffer();
    pieces.forEach(buffer::accept);
    Tensor all = buffer.frames();
    long surplus = Math.max(0, count - most);
    return all.slice(surplus, all.length(0) - surplus);
  }
}
