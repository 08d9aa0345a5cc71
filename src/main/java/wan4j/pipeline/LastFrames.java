package wan4j.pipeline;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The last frames of a video so far, as many as the next clip looks at.
final class LastFrames {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final int most;
  private final Deque<Tensor> pieces = new ArrayDeque<>();
  private long count;

  LastFrames(int most) {
    this.most = most;
  }

  /// Says whether any frames are kept.
  boolean areWanted() {
    return most > 0;
  }

  /// Takes the next frames, float32 `[3, frames, height, width]` in host memory, as they were
  /// decoded.
  void add(Tensor frames) {
    pieces.add(frames);
    count += frames.length(1);
    while (count - pieces.getFirst().length(1) >= most) {
      count -= pieces.removeFirst().length(1);
    }
  }

  /// Returns them as one tensor, clamped to [-1, 1]; null for none.
  Tensor frames() {
    if (pieces.isEmpty()) {
      return null;
    }
    Tensor first = pieces.getFirst();
    int kept = (int) Math.min(count, most);
    int surplus = (int) (count - kept);
    Shape shape = Shape.of(3, kept, first.length(2), first.length(3));
    List<Tensor> parts = List.copyOf(pieces);
    return Tensor.deferred(DType.F32, shape, () -> joined(parts, surplus, shape));
  }

  private static Tensor joined(List<Tensor> parts, int surplus, Shape shape) {
    long plane = shape.size(2) * shape.size(3);
    MemorySegment target = Arena.ofAuto().allocate(shape.count() * Float.BYTES, 64);
    int from = surplus;
    long filled = 0; // frames
    for (Tensor part : parts) {
      long frames = part.length(1);
      for (int channel = 0; channel < 3; channel++) {
        MemorySegment source = part.segment();
        long first = (channel * frames + from) * plane;
        long to = (channel * shape.size(1) + filled) * plane;
        for (long i = 0; i < (frames - from) * plane; i++) {
          float value = source.getAtIndex(FLOAT, first + i);
          target.setAtIndex(FLOAT, to + i, Math.clamp(value, -1f, 1f));
        }
      }
      filled += frames - from;
      from = 0;
    }
    return new Tensor(shape, DType.F32, new HostStorage(target));
  }
}
