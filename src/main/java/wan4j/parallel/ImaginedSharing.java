package wan4j.parallel;

import java.util.List;
import wan4j.ops.WeightSharing;
import wan4j.tensor.Tensor;

/// The first rank's share of weights where the others are only imagined, for estimates of memory.
///
/// @param ranks how many there would be
/// @param isSharded whether each would keep only its part of the blocks
public record ImaginedSharing(int ranks, boolean isSharded) implements WeightSharing {
  @Override
  public int rank() {
    return 0;
  }

  @Override
  public List<List<Tensor>> show(List<Tensor> own) {
    return List.of();
  }

  @Override
  public void release(Runnable free) {
    free.run();
  }
}
