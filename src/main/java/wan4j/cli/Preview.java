package wan4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import wan4j.media.Picture;
import wan4j.media.PictureWriter;
import wan4j.media.VideoFormat;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.Tensor;

/// A small picture beside a video, or a moving one, that shows after every few steps what becomes
/// of it.
///
/// @param every the steps between two of them
/// @param video the video's file
/// @param format GIF or WebP of all latent frames, or a picture of the middle one
record Preview(int every, Path video, VideoFormat format) {
  private static final double FRAMES_PER_SECOND = 4; // a latent frame is four of 16 a second

  /// Writes frames, unsigned bytes `[frames, height, width, 3]`; throws `InputException` when the
  /// file cannot be written.
  void write(Tensor frames) {
    Path file = file();
    if (format == VideoFormat.PICTURE) {
      PictureWriter.write(Picture.of(frames.at(frames.length(0) / 2)), file);
    } else {
      VideoWriter.write(frames, file, VideoSettings.silent(FRAMES_PER_SECOND));
    }
  }

  /// Removes the file, once there is the video itself.
  void delete() {
    try {
      Files.deleteIfExists(file());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Returns where it lies.
  Path file() {
    String ending = format == VideoFormat.PICTURE ? "png" : format.name().toLowerCase(Locale.ROOT);
    return video.resolveSibling(video.getFileName() + ".preview." + ending);
  }
}
