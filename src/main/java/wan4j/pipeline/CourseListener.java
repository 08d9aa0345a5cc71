package wan4j.pipeline;

import java.util.function.Supplier;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.weights.Expert;

/// Receives the stages and steps of a request.
public interface CourseListener extends StepListener {
  /// Does a stage's work and nothing else.
  CourseListener NONE =
      new CourseListener() {
        @Override
        public void begins(int step, Expert expert) {}

        @Override
        public void ends(Outcome outcome) {}

        @Override
        public <T> T stage(String name, Supplier<T> work) {
          return work.get();
        }
      };

  /// The autoencoder is in memory, before a clip is sampled; it must not be kept.
  default void encodes(Ops ops, VideoAutoencoder vae) {}

  /// A clip begins, by its number from 0.
  default void clip(int index, int clips) {}

  /// Does the work of a stage, such as "text", "conditioning", "denoise" or "decode", and returns
  /// what it gives.
  <T> T stage(String name, Supplier<T> work);
}
