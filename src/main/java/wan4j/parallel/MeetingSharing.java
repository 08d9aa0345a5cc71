package wan4j.parallel;

import java.util.List;
import java.util.function.Consumer;
import wan4j.ops.WeightSharing;
import wan4j.tensor.Tensor;

/// How the threads of one process share the weights of a network: what they show each other at a
/// meeting is memory that all of them can copy from.
///
/// @param meeting where the ranks meet
/// @param rank this rank's number
/// @param isSharded whether each keeps only its part of the blocks
/// @param releasing frees memory when no other rank copies from it any more
public record MeetingSharing(
    Meeting meeting, int rank, boolean isSharded, Consumer<Runnable> releasing)
    implements WeightSharing {
  /// What a rank shows.
  private record Shown(List<Tensor> tensors) {}

  @Override
  public int ranks() {
    return meeting.ranks();
  }

  @Override
  public List<List<Tensor>> show(List<Tensor> own) {
    return meeting.meet(rank, Shown.class, new Shown(own)).stream().map(Shown::tensors).toList();
  }

  @Override
  public void release(Runnable free) {
    releasing.accept(free);
  }
}
