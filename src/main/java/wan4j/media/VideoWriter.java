package wan4j.media;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import wan4j.files.PendingFile;
import wan4j.media.ffmpeg.EncodingException;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.media.ffmpeg.GifStream;
import wan4j.media.ffmpeg.Muxer;
import wan4j.media.ffmpeg.PictureStream;
import wan4j.media.ffmpeg.SoundStream;
import wan4j.media.ffmpeg.SoundTrack;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Writes videos in the format that the target's name tells, whole or not at all.
public final class VideoWriter {
  // OpenH264 takes any factor below 12 as 12, and encodes even noise from 20 on.
  private static final int LEAST_RETRIED_RATE_FACTOR = 12;
  private static final int MOST_RETRIED_RATE_FACTOR = 30;

  private VideoWriter() {}

  /// Throws `InputException` when a video could not be written to the target, as far as that can be
  /// known before there is a video: format, folder, permission, libraries.
  public static void checkTarget(Path target) {
    VideoFormat format = VideoFormat.of(target);
    if (format == VideoFormat.FOLDER) {
      PendingFile.requireWritableParent(target);
      if (!PendingFile.isNewFolder(target)) {
        throw new InputException(
            "cannot write frames to %s, which is there already and is no empty folder; remove it or choose another name"
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
      throw new InputException(
          "cannot write %d frames as the one picture %s; leave out .png to get a folder of pictures"
              .formatted(frames, target));
    }
  }

  /// Writes unsigned byte frames `[frames, height, width, 3]`; where there is sound, both end with
  /// the shorter of the two. Throws `InputException` when the target cannot be written or the
  /// format cannot hold the video, `IllegalArgumentException` for another tensor.
  public static void write(Tensor frames, Path target, VideoSettings settings) {
    FrameConversion.checkFrames(frames);
    checkTarget(target, frames.length(0));
    VideoFormat format = VideoFormat.of(target);
    checkContents(frames, target, format, settings);
    if (format == VideoFormat.FOLDER) {
      try (PendingFile pending = PendingFile.folder(target)) {
        writeFolder(frames, pending.path(), target);
        pending.commit();
      }
      return;
    }
    try (PendingFile pending = PendingFile.file(target)) {
      switch (format) {
        case MP4 -> writeMp4(frames, target, pending.path(), settings);
        case MKV -> writeMkv(frames, target, pending.path(), settings);
        case GIF -> writeGif(frames, target, pending.path(), settings);
        case PICTURE, FOLDER ->
            PictureWriter.writePart(Picture.of(frames.at(0)), pending.path(), target);
      }
      pending.commit();
    } catch (EncodingException e) {
      throw new InputException(
          "cannot encode the frames for %s (%s); try .mkv, or another size"
              .formatted(target, e.getMessage()),
          e);
    }
  }

  private static void checkContents(
      Tensor frames, Path target, VideoFormat format, VideoSettings settings) {
    int width = frames.length(2);
    int height = frames.length(1);
    if (frames.count() == 0) {
      throw new InputException(
          "cannot write %s without a picture; give at least one frame".formatted(target));
    }
    if (format == VideoFormat.MP4 && (width % 2 != 0 || height % 2 != 0)) {
      throw new InputException(
          "cannot write %s: H.264 needs even sides, got %dx%d; choose an even size or .mkv"
              .formatted(target, width, height));
    }
    if (settings.sound().length() > 0 && !format.holdsSound()) {
      throw new InputException("%s cannot hold sound; name it .mp4 or .mkv".formatted(target));
    }
  }

  /// Writes a file a frame, several at a time. After a failure no writer is left at work when this
  /// throws it, so that the folder can be removed.
  static void writeFolder(Tensor frames, Path folder, Path target) {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    IntStream.range(0, frames.length(0))
        .parallel()
        .forEach(i -> {
          if (failure.get() != null) {
            return;
          }
          Path file = folder.resolve("frame_%05d.png".formatted(i));
          try {
            PictureWriter.writePart(Picture.of(frames.at(i)), file, target);
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

  /// Writes H.264. OpenH264 fails on frames like noise that stay nearly as large as they were, so
  /// it gets another try with a coarser quantiser.
  private static void writeMp4(Tensor frames, Path target, Path file, VideoSettings settings) {
    VideoSettings coarser = settings;
    while (true) {
      try {
        tryMp4(frames, target, file, coarser);
        return;
      } catch (EncodingException e) {
        if (coarser.rateFactor() > MOST_RETRIED_RATE_FACTOR) {
          throw e;
        }
        int next = Math.max(coarser.rateFactor(), LEAST_RETRIED_RATE_FACTOR) + 4;
        coarser = new VideoSettings(settings.framesPerSecond(), next, settings.sound());
      }
    }
  }

  private static void tryMp4(Tensor frames, Path target, Path file, VideoSettings settings) {
    try (Muxer muxer = new Muxer(target, file, "mp4");
        PictureStream pictures =
            PictureStream.h264(muxer, frames.length(2), frames.length(1), settings);
        SoundTrack sound =
            settings.sound().length() == 0
                ? SoundTrack.SILENCE
                : SoundStream.aac(muxer, settings.sound())) {
      // The index goes to the front, so that the video plays while it loads.
      muxer.begin(Map.of("movflags", "+faststart"));
      writeBoth(frames, pictures, sound, settings.framesPerSecond());
      muxer.end();
    }
  }

  private static void writeMkv(Tensor frames, Path target, Path file, VideoSettings settings) {
    try (Muxer muxer = new Muxer(target, file, "matroska");
        PictureStream pictures =
            PictureStream.lossless(muxer, frames.length(2), frames.length(1), settings);
        SoundTrack sound =
            settings.sound().length() == 0
                ? SoundTrack.SILENCE
                : SoundStream.lossless(muxer, settings.sound())) {
      muxer.begin(Map.of());
      writeBoth(frames, pictures, sound, settings.framesPerSecond());
      muxer.end();
    }
  }

  private static void writeBoth(
      Tensor frames, PictureStream pictures, SoundTrack sound, double framesPerSecond) {
    int count = (int) Math.min(frames.length(0), Math.ceil(sound.seconds() * framesPerSecond));
    for (int i = 0; i < count; i++) {
      pictures.add(frames.at(i).segment());
      sound.addUntil((i + 1) / framesPerSecond);
    }
    pictures.finish();
    sound.finish(count / framesPerSecond);
  }

  private static void writeGif(Tensor frames, Path target, Path file, VideoSettings settings) {
    try (Muxer muxer = new Muxer(target, file, "gif");
        GifStream pictures = new GifStream(muxer, frames.length(2), frames.length(1), settings)) {
      muxer.begin(Map.of());
      for (int i = 0; i < frames.length(0); i++) {
        pictures.add(frames.at(i).segment());
      }
      pictures.finish();
      muxer.end();
    }
  }
}
