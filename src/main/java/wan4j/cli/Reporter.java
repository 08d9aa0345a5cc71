package wan4j.cli;

import java.nio.file.Path;
import java.time.Duration;
import wan4j.Progress;
import wan4j.verify.VideoComparison;

/// Tells the user how a request gets on and where its video is.
interface Reporter extends Progress, AutoCloseable {
  /// Says nothing.
  Reporter QUIET =
      new Reporter() {
        @Override
        public void begins(String stage) {}

        @Override
        public void ends(String stage, Duration time) {}

        @Override
        public void stepped(Step step) {}

        @Override
        public void finished(Path video, long seed, long peakBytes) {}

        @Override
        public void compared(VideoComparison comparison, Path file) {}

        @Override
        public void says(String sentence) {}

        @Override
        public void close() {}
      };

  /// The video is written; the seed is an unsigned number.
  void finished(Path video, long seed, long peakBytes);

  /// The request was made again without what speeds it up; the comparison is written to a file.
  void compared(VideoComparison comparison, Path file);

  @Override
  void says(String sentence);

  @Override
  default boolean isCancelled() {
    return Interruption.isRequested();
  }

  @Override
  void close();
}
