package wan4j.parallel;

import java.util.List;
import wan4j.ops.Collectives;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// A rank whose others are not there: on a backend without elements it shows what memory a rank
/// needs.
///
/// @param rank its number
/// @param ranks how many there would be
/// @param runsBeside whether exchanges would run beside other work
public record ImaginedRanks(int rank, int ranks, boolean runsBeside) implements Collectives {
  @Override
  public void allToAll(List<Tensor> sources, List<Tensor> targets) {
    // nothing comes
  }

  @Override
  public void allGather(Tensor source, List<Tensor> targets) {
    // nothing comes
  }

  @Override
  public void reduce(SequenceGroup.Reduction reduction, Tensor values) {
    // nothing comes
  }

  @Override
  public void broadcast(int from, Tensor values) {
    // nothing comes
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    // nothing comes
  }

  @Override
  public void fail(Throwable cause) {
    throw new IllegalStateException("a rank that is alone ends no other", cause);
  }

  @Override
  public void close() {
    // there is nothing
  }
}
