package wan4j.media;

import java.nio.file.Path;
import wan4j.media.ffmpeg.EncodingException;
import wan4j.tensor.Tensor;

/// H.264 by OpenH264, which fails on frames like noise that stay nearly as large as they were: it
/// then gets another try, from the first frame on, with a coarser quantiser.
final class RetriedEncoding implements FrameEncoding {
  // OpenH264 takes any factor below 12 as 12, and encodes even noise from 20 on.
  private static final int LEAST_RATE_FACTOR = 12;
  private static final int MOST_RATE_FACTOR = 30;

  private final Path target;
  private final Path file;
  private final Tensor first;
  private final FrameSpool spool;
  private VideoSettings settings;
  private FrameEncoding encoding;

  /// Opens a file whose frames have the size of `first`.
  RetriedEncoding(Path target, Path file, Tensor first, VideoSettings settings) {
    this.target = target;
    this.file = file;
    this.first = first;
    this.settings = settings;
    spool = new FrameSpool(target, first);
    try {
      encoding = FrameEncoding.mp4(target, file, first, settings);
    } catch (RuntimeException | Error e) {
      spool.close();
      throw e;
    }
  }

  @Override
  public void add(Tensor frames) {
    spool.add(frames);
    try {
      encoding.add(frames);
    } catch (EncodingException e) {
      again(e, () -> {});
    }
  }

  @Override
  public void finish() {
    try {
      encoding.finish();
    } catch (EncodingException e) {
      again(e, () -> encoding.finish());
    }
  }

  /// Encodes all frames anew, ever coarser, and does what comes after them.
  private void again(EncodingException failure, Runnable after) {
    EncodingException latest = failure;
    while (spool.isWhole() && settings.rateFactor() <= MOST_RATE_FACTOR) {
      int next = Math.max(settings.rateFactor(), LEAST_RATE_FACTOR) + 4;
      settings = settings.withRateFactor(next);
      encoding.close();
      encoding = FrameEncoding.mp4(target, file, first, settings);
      try {
        spool.forEach(encoding::add);
        after.run();
        return;
      } catch (EncodingException e) {
        latest = e;
      }
    }
    throw latest;
  }

  @Override
  public void close() {
    try {
      encoding.close();
    } finally {
      spool.close();
    }
  }
}
