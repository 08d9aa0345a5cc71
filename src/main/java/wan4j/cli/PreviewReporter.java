package wan4j.cli;

import java.nio.file.Path;
import java.time.Duration;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.verify.VideoComparison;

/// Tells everything to another reporter and writes the previews of a request itself.
final class PreviewReporter implements Reporter {
  private final Reporter other;
  private final Preview preview;
  private boolean isBroken; // a preview could not be written, which has been told

  PreviewReporter(Reporter other, Preview preview) {
    this.other = other;
    this.preview = preview;
  }

  @Override
  public int previewEvery() {
    return isBroken ? 0 : preview.every();
  }

  /// A preview that cannot be written does not end the run; it is told once.
  @Override
  public void previews(int step, Tensor frames) {
    try {
      preview.write(frames);
    } catch (InputException e) {
      isBroken = true;
      other.says("there are no more previews: " + e.getMessage());
    }
  }

  @Override
  public void begins(String stage) {
    other.begins(stage);
  }

  @Override
  public void ends(String stage, Duration time) {
    other.ends(stage, time);
  }

  @Override
  public void stepped(Step step) {
    other.stepped(step);
  }

  @Override
  public void finished(Path video, long seed, long peakBytes) {
    other.finished(video, seed, peakBytes);
  }

  @Override
  public void compared(VideoComparison comparison, Path file) {
    other.compared(comparison, file);
  }

  @Override
  public void says(String sentence) {
    other.says(sentence);
  }

  /// The other is closed by whoever has opened it.
  @Override
  public void close() {}
}
