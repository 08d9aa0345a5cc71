package wan4j.ops.plan;

import java.util.ArrayDeque;
import java.util.Deque;
import wan4j.ops.Scope;
import wan4j.ops.backend.Placement;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// Memory that is only counted.
final class NullMemory {
  private final Placement placement;
  private final Deque<Long> marks = new ArrayDeque<>();
  private long live;
  private long weights;
  private long peak;
  private long mostLive;
  private long recentLive;
  private long mostWeights;

  NullMemory(Placement placement) {
    this.placement = placement;
  }

  Placement placement() {
    return placement;
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    marks.push(live);
    int depth = marks.size();
    return () -> {
      if (marks.size() != depth) {
        throw new IllegalStateException(
            "a scope was closed before one that was opened after it, or twice; close in reverse"
                + " order");
      }
      live = marks.pop();
    };
  }

  Tensor empty(DType dtype, Shape shape) {
    live += placement.bytes(dtype, shape);
    mostLive = Math.max(mostLive, live);
    recentLive = Math.max(recentLive, live);
    peak = Math.max(peak, live + weights);
    return nothing(dtype, shape);
  }

  /// Counts bytes that live until `weights` is called with as many below zero.
  void weights(long bytes) {
    weights += bytes;
    mostWeights = Math.max(mostWeights, weights);
    peak = Math.max(peak, live + weights);
  }

  long liveBytes() {
    return live + weights;
  }

  long peakBytes() {
    return peak;
  }

  long scopeBytes() {
    return live;
  }

  long mostLiveBytes() {
    return mostLive;
  }

  /// Returns the most that scopes held since this was asked last.
  long recentLiveBytes() {
    long result = recentLive;
    recentLive = live;
    return result;
  }

  long mostWeightBytes() {
    return mostWeights;
  }

  static Tensor nothing(DType dtype, Shape shape) {
    return new Tensor(shape, dtype, new Nothing(shape.count() * dtype.bytes()));
  }

  /// A range of bytes that are nowhere.
  private record Nothing(long bytes) implements Storage {
    @Override
    public Storage slice(long offset, long length) {
      return new Nothing(length);
    }
  }
}
