package wan4j.media;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import wan4j.media.ffmpeg.GifStream;
import wan4j.media.ffmpeg.Muxer;
import wan4j.media.ffmpeg.PictureStream;
import wan4j.media.ffmpeg.SoundStream;
import wan4j.media.ffmpeg.SoundTrack;
import wan4j.tensor.Tensor;

/// A video that is being written in one format; the file is whole when it has been finished. Frames
/// are unsigned bytes `[frames, height, width, 3]`, all of one size.
interface FrameEncoding extends AutoCloseable {
  /// Adds frames; throws `EncodingException` when the codec fails at them.
  void add(Tensor frames);

  /// Writes the end.
  void finish();

  @Override
  void close();

  /// Opens an H.264 file whose frames have a size.
  static FrameEncoding mp4(Path target, Path file, Tensor first, VideoSettings settings) {
    return new Container(
        new Muxer(target, file, "mp4"),
        first,
        settings,
        // The index goes to the front, so that the video plays while it loads.
        Map.of("movflags", "+faststart"),
        PictureStream::h264,
        SoundStream::aac);
  }

  /// Opens a lossless file whose frames have a size.
  static FrameEncoding mkv(Path target, Path file, Tensor first, VideoSettings settings) {
    return new Container(
        new Muxer(target, file, "matroska"),
        first,
        settings,
        Map.of(),
        PictureStream::lossless,
        SoundStream::lossless);
  }

  /// Opens a moving WebP whose frames have a size.
  static FrameEncoding webp(Path target, Path file, Tensor first, VideoSettings settings) {
    return new Container(
        new Muxer(target, file, "webp"),
        first,
        settings,
        Map.of("loop", "0"), // without end
        PictureStream::webp,
        (_, _) -> SoundTrack.SILENCE);
  }

  /// Pictures and perhaps sound side by side in a file.
  final class Container implements FrameEncoding {
    /// Opens the stream of pictures.
    interface Pictures {
      PictureStream open(Muxer muxer, int width, int height, VideoSettings settings);
    }

    /// Opens the stream of a sound.
    interface Track {
      SoundTrack open(Muxer muxer, SoundBlocks sound);
    }

    private final Muxer muxer;
    private final double framesPerSecond;
    private PictureStream pictures;
    private SoundTrack sound = SoundTrack.SILENCE;
    private long count;

    Container(
        Muxer muxer,
        Tensor first,
        VideoSettings settings,
        Map<String, String> options,
        Pictures opening,
        Track track) {
      this.muxer = muxer;
      framesPerSecond = settings.framesPerSecond();
      try {
        pictures = opening.open(muxer, first.length(2), first.length(1), settings);
        if (!settings.sound().isNone()) {
          sound = track.open(muxer, settings.sound().open());
        }
        muxer.begin(options);
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    /// Adds frames as long as there is sound, if there is any.
    @Override
    public void add(Tensor frames) {
      for (int i = 0; i < frames.length(0) && sound.lastsBeyond(count / framesPerSecond); i++) {
        pictures.add(frames.at(i).segment());
        count++;
        sound.addUntil(count / framesPerSecond);
      }
    }

    @Override
    public void finish() {
      pictures.finish();
      sound.finish(count / framesPerSecond);
      muxer.end();
    }

    @Override
    public void close() {
      sound.close();
      if (pictures != null) {
        pictures.close();
      }
      muxer.close();
    }
  }

  /// A GIF, whose frames all wait within FFmpeg until the palette is known.
  final class Gif implements FrameEncoding {
    private final Muxer muxer;
    private final GifStream pictures;

    Gif(Path target, Path file, Tensor first, VideoSettings settings) {
      muxer = new Muxer(target, file, "gif");
      try {
        pictures = new GifStream(muxer, first.length(2), first.length(1), settings);
        muxer.begin(Map.of());
      } catch (RuntimeException | Error e) {
        muxer.close();
        throw e;
      }
    }

    @Override
    public void add(Tensor frames) {
      for (int i = 0; i < frames.length(0); i++) {
        pictures.add(frames.at(i).segment());
      }
    }

    @Override
    public void finish() {
      pictures.finish();
      muxer.end();
    }

    @Override
    public void close() {
      pictures.close();
      muxer.close();
    }
  }

  /// One PNG file, or a folder with one a frame.
  final class Pictures implements FrameEncoding {
    private final Path target;
    private final Path path;
    private final boolean isFolder;
    private int count;

    Pictures(Path target, Path path, boolean isFolder) {
      this.target = target;
      this.path = path;
      this.isFolder = isFolder;
    }

    /// Writes several pictures at a time. After a failure no writer is left at work when this
    /// throws it, so that the folder can be removed.
    @Override
    public void add(Tensor frames) {
      int first = count;
      count = Math.addExact(count, frames.length(0));
      AtomicReference<Throwable> failure = new AtomicReference<>();
      IntStream.range(0, frames.length(0))
          .parallel()
          .forEach(i -> {
            if (failure.get() != null) {
              return;
            }
            try {
              PictureWriter.writePart(Picture.of(frames.at(i)), file(first + i), target);
            } catch (RuntimeException | Error e) {
              failure.compareAndSet(null, e);
            }
          });
      switch (failure.get()) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case null, default -> {}
      }
    }

    private Path file(int index) {
      return isFolder ? path.resolve("frame_%05d.png".formatted(index)) : path;
    }

    @Override
    public void finish() {}

    @Override
    public void close() {}
  }
}
