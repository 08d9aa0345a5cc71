package wan4j.cli;

import java.nio.file.Path;
import wan4j.media.FrameSink;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// A video that is begun when its first frames come, so that nothing of it lies about before.
final class LateVideo implements FrameSink, AutoCloseable {
  private final Path target;
  private final VideoSettings settings;
  private VideoWriter writer; // null before the first frames

  LateVideo(Path target, VideoSettings settings) {
    this.target = target;
    this.settings = settings;
  }

  @Override
  public void accept(Tensor frames) {
    if (writer == null) {
      writer = VideoWriter.open(target, settings);
    }
    writer.accept(frames);
  }

  /// Waits until all frames are written and gives the file its name; throws as a writer does.
  void finish() {
    if (writer == null) {
      throw new InputException(
          "cannot write %s without a picture; give at least one frame".formatted(target));
    }
    writer.finish();
  }

  @Override
  public void close() {
    if (writer != null) {
      writer.close();
    }
  }
}
