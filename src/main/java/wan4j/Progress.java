package wan4j;

import java.time.Duration;
import java.util.function.Supplier;
import wan4j.tensor.Tensor;

/// Receives a request's progress, and says whether the request is to go on.
public interface Progress {
  /// Receives nothing.
  Progress NONE =
      new Progress() {
        @Override
        public void begins(String stage) {}

        @Override
        public void ends(String stage, Duration time) {}

        @Override
        public void stepped(Step step) {}
      };

  /// One step of the sampling loop: its number from 1, the expert's name, how many forwards it has
  /// and how many of them were not computed, how long it took, and the most bytes that were in use
  /// on the device at once so far, 0 where nothing counts them.
  record Step(
      int number,
      int steps,
      String expert,
      int forwards,
      int skipped,
      Duration time,
      long peakBytes) {
    /// Creates a step whose memory nothing counts.
    public Step(int number, int steps, String expert, int forwards, int skipped, Duration time) {
      this(number, steps, expert, forwards, skipped, time, 0);
    }
  }

  /// A stage begins, such as "text", "denoise" or "decode".
  void begins(String stage);

  /// A stage is done.
  void ends(String stage, Duration time);

  /// A step is done.
  void stepped(Step step);

  /// Does a stage's work and tells when it begins and, unless it fails, when it is done and how
  /// long it took.
  default <T> T timed(String stage, Supplier<T> work) {
    begins(stage);
    long start = System.nanoTime();
    T result = work.get();
    ends(stage, Duration.ofNanos(System.nanoTime() - start));
    return result;
  }

  /// Does a stage's work, which gives nothing, and tells the same.
  default void timed(String stage, Runnable work) {
    timed(
        stage,
        () -> {
          work.run();
          return null;
        });
  }

  /// A clip begins, by its number from 1; told of videos of several clips alone.
  default void clip(int number, int clips) {}

  /// Something was decided that the user may want to know, told as a sentence.
  default void says(String sentence) {}

  /// Returns after how many steps a preview of the video is wanted, 0 for none.
  default int previewEvery() {
    return 0;
  }

  /// A preview of the video after a step, numbered from 1: small frames in the colours that the
  /// clean latents stand for, unsigned bytes `[latent frames, height, width, 3]`.
  default void previews(int step, Tensor frames) {}

  /// Says whether the request is to stop; asked by the engine's thread between two forwards and two
  /// pieces of frames, and answered by what another thread may have set, such as an
  /// `AtomicBoolean`. The request then ends with a `java.util.concurrent.CancellationException`.
  default boolean isCancelled() {
    return false;
  }
}
