package wan4j.media;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import wan4j.files.PendingFile;
import wan4j.media.ffmpeg.EncodingException;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Writes videos in the format that the target's name tells, whole or not at all. Frames come piece
/// by piece and are encoded on a thread of their own while the next are made.
public final class VideoWriter implements FrameSink, AutoCloseable {
  private static final int WAITING = 2; // pieces that may wait to be encoded

  private final Path target;
  private final VideoFormat format;
  private final VideoSettings settings;
  private final PendingFile pending;
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("video writer").factory());
  private final Deque<Future<?>> waiting = new ArrayDeque<>();
  private FrameEncoding encoding; // used by the worker alone
  private Tensor first; // null before the first piece
  private long count;
  private boolean isClosed;

  private VideoWriter(Path target, VideoSettings settings) {
    this.target = target;
    this.settings = settings;
    format = VideoFormat.of(target);
    pending = format == VideoFormat.FOLDER ? PendingFile.folder(target) : PendingFile.file(target);
  }

  /// Begins a video; its file is there once it has been finished. Where there is sound, both end
  /// with the shorter of the two. Throws `InputException` when the target cannot be written or the
  /// format has no sound.
  public static VideoWriter open(Path target, VideoSettings settings) {
    checkTarget(target);
    if (!settings.sound().isNone() && !VideoFormat.of(target).holdsSound()) {
      throw new InputException("%s cannot hold sound; name it .mp4 or .mkv".formatted(target));
    }
    return new VideoWriter(target, settings);
  }

  /// Throws `InputException` when a video could not be written to the target, as far as that can be
  /// known before there is a video: format, folder, permission, libraries.
  public static void checkTarget(Path target) {
    VideoFormat format = VideoFormat.of(target);
    if (format == VideoFormat.FOLDER) {
      PendingFile.requireWritableParent(target);
      if (!PendingFile.isNewFolder(target)) {
        throw new InputException(
            "cannot write frames to %s, which exists already and is not an empty folder; remove it or choose another name"
                .formatted(target));
      }
    } else {
      PendingFile.requireWritable(target);
    }
    if (format.needsFfmpeg()) {
      Ffmpeg.require("write " + target);
    }
  }

  /// Throws it also when the target's format cannot hold so many frames.
  public static void checkTarget(Path target, int frames) {
    checkTarget(target);
    if (VideoFormat.of(target) == VideoFormat.PICTURE && frames != 1) {
      throw manyInOne(target, frames);
    }
  }

  private static InputException manyInOne(Path target, long frames) {
    return new InputException(
        "cannot write %d frames as the one picture %s; leave out .png to get a folder of pictures"
            .formatted(frames, target));
  }

  /// Writes a whole video of unsigned byte frames `[frames, height, width, 3]`; throws as the
  /// methods of a writer do.
  public static void write(Tensor frames, Path target, VideoSettings settings) {
    FrameConversion.checkFrames(frames);
    checkTarget(target, frames.length(0));
    try (VideoWriter writer = open(target, settings)) {
      writer.accept(frames);
      writer.finish();
    }
  }

  /// Takes the next frames, all of one size, and waits while earlier ones are not encoded; throws
  /// `InputException` when the format cannot hold them or earlier ones could not be written, and
  /// `IllegalArgumentException` for another tensor.
  @Override
  public void accept(Tensor frames) {
    FrameConversion.checkFrames(frames);
    if (frames.count() == 0) {
      return;
    }
    if (first == null) {
      requireSides(frames);
      first = frames.slice(0, 1);
    } else if (frames.length(1) != first.length(1) || frames.length(2) != first.length(2)) {
      throw new IllegalArgumentException("got %s after %s".formatted(frames, first));
    }
    count += frames.length(0);
    if (format == VideoFormat.PICTURE && count != 1) {
      throw manyInOne(target, count);
    }
    while (waiting.size() >= WAITING) {
      await(waiting.poll());
    }
    waiting.add(worker.submit(() -> encode(frames)));
  }

  /// Waits until all frames are encoded and gives the file its name; throws `InputException` when
  /// there was no frame or it cannot be written.
  public void finish() {
    if (first == null) {
      throw new InputException(
          "cannot write %s without a picture; give at least one frame".formatted(target));
    }
    waiting.add(worker.submit(() -> encoding.finish()));
    while (!waiting.isEmpty()) {
      await(waiting.poll());
    }
    await(worker.submit(this::closeEncoding)); // the file must not be open when it gets its name
    pending.commit();
  }

  private void encode(Tensor frames) {
    if (encoding == null) {
      encoding = encoding(frames);
    }
    encoding.add(frames);
  }

  private FrameEncoding encoding(Tensor frames) {
    Path file = pending.path();
    return switch (format) {
      case MP4 ->
          settings.codec() == VideoCodec.OPENH264
              ? new RetriedEncoding(target, file, frames, settings)
              : FrameEncoding.mp4(target, file, frames, settings);
      case MKV -> FrameEncoding.mkv(target, file, frames, settings);
      case WEBP -> FrameEncoding.webp(target, file, frames, settings);
      case GIF -> new FrameEncoding.Gif(target, file, frames, settings);
      case PICTURE -> new FrameEncoding.Pictures(target, file, false);
      case FOLDER -> new FrameEncoding.Pictures(target, file, true);
    };
  }

  private void closeEncoding() {
    if (encoding != null) {
      encoding.close();
      encoding = null;
    }
  }

  private void requireSides(Tensor frames) {
    int width = frames.length(2);
    int height = frames.length(1);
    if (format == VideoFormat.MP4 && (width % 2 != 0 || height % 2 != 0)) {
      throw new InputException(
          "cannot write %s: H.264 needs even sides, got %dx%d; choose an even size or .mkv"
              .formatted(target, width, height));
    }
  }

  private void await(Future<?> work) {
    try {
      work.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException(
          "the thread that writes %s was interrupted".formatted(target));
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EncodingException failure ->
            throw new InputException(
                "cannot encode the frames for %s (%s); try .mkv, or another size"
                    .formatted(target, failure.getMessage()),
                failure);
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case Throwable failure -> throw new IllegalStateException(failure);
      }
    }
  }

  /// Ends encoding and removes what was written of a video that is not finished.
  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    waiting.forEach(work -> work.cancel(false));
    try {
      await(worker.submit(this::closeEncoding));
    } finally {
      worker.close();
      pending.close();
    }
  }
}
