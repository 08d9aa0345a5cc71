package wan4j.pipeline;

import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;

/// What is kept of a run so that another can go on from it, and what an earlier one has left: what
/// is decoded of the clips that are sampled, and the state between two steps of the one after them.
public interface RunRecord {
  /// Keeps nothing and has nothing.
  RunRecord NONE =
      new RunRecord() {
        @Override
        public Tensor latents(int clip) {
          return null;
        }

        @Override
        public SavedState state(int clip) {
          return null;
        }

        @Override
        public void stepped(int clip, StepListener.Outcome outcome, boolean isLast) {}

        @Override
        public void sampled(int clip, Tensor latents) {}
      };

  /// Returns what [CourseRun#sample] gave of a clip in an earlier run; null for others.
  Tensor latents(int clip);

  /// Returns the state in which an earlier run was broken off within a clip; null for others.
  SavedState state(int clip);

  /// A step of a clip is done; `isLast` when the run is cancelled and takes no other.
  void stepped(int clip, StepListener.Outcome outcome, boolean isLast);

  /// A clip is sampled.
  void sampled(int clip, Tensor latents);
}
