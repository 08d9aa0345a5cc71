package wan4j.schedule;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The clean samples implied by the network's last predictions, in a ring of fixed tensors.
final class History {
  private final FlowSchedule schedule;
  private final List<Tensor> ring;
  private int next;

  History(Ops ops, FlowSchedule schedule, int length, long... sizes) {
    this.schedule = schedule;
    this.ring = IntStream.range(0, length).mapToObj(i -> ops.empty(DType.F32, sizes)).toList();
  }

  /// Adds the clean sample that a flow prediction implies: sample - sigma · flow.
  void add(Ops ops, Tensor flow, int step, Tensor sample) {
    if (step != 0 && step != next) {
      throw new IllegalStateException(
          "step %d follows step %d; steps of a solver follow one another"
              .formatted(step, next - 1));
    }
    next = step + 1;
    ops.linearCombination(
        at(step), new double[] {1, -(double) schedule.sigma(step)}, List.of(sample, flow));
  }

  void save(Ops ops, SavedState state) {
    state.put("next", next);
    for (int i = 0; i < ring.size(); i++) {
      state.put(ops, "clean." + i, ring.get(i));
    }
  }

  void restore(Ops ops, SavedState state) {
    next = state.count("next", schedule.steps());
    for (int i = 0; i < ring.size(); i++) {
      state.copy(ops, "clean." + i, ring.get(i));
    }
  }

  /// Returns the clean sample of a step that is at most the ring's length old.
  Tensor at(int step) {
    return ring.get(step % ring.size());
  }
}
