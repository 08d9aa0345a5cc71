package wan4j;

import java.time.Duration;

/// Hears how a request gets on.
public interface Progress {
  /// Hears nothing.
  Progress NONE =
      new Progress() {
        @Override
        public void begins(String stage) {}

        @Override
        public void ends(String stage, Duration time) {}

        @Override
        public void stepped(Step step) {}
      };

  /// One step of the sampling loop: its number from 1, the expert's name, how many of its forwards
  /// came from the cache, and how long it took.
  record Step(int number, int steps, String expert, int skipped, Duration time) {}

  /// A stage begins, such as "text", "denoise" or "decode".
  void begins(String stage);

  /// A stage is done.
  void ends(String stage, Duration time);

  /// A step is done.
  void stepped(Step step);

  /// Something was decided that the user may want to know, told as a sentence.
  default void says(String sentence) {}
}
