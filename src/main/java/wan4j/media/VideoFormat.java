package wan4j.media;

import java.nio.file.Path;
import java.util.Locale;
import wan4j.tensor.InputException;

/// What a video can be written as, told by the target's name.
public enum VideoFormat {
  /// `.mp4`: H.264 for every player, sound as AAC.
  MP4,
  /// `.mkv`: FFV1, equal to the frames to the bit, sound as 32-bit floats.
  MKV,
  /// `.gif`: 256 colours, repeated without end, without sound; at most 50 frames a second, as
  /// players show no more: of faster videos some are left out, so that they last as long.
  GIF,
  /// `.webp`: pictures as good as an mp4's, repeated without end, without sound.
  WEBP,
  /// `.png`: the picture of a video of one frame.
  PICTURE,
  /// A name without extension: a folder of one PNG file a frame.
  FOLDER;

  /// Returns the format for a target; throws `InputException` for an extension that is not known.
  public static VideoFormat of(Path target) {
    Path last = target.getFileName();
    String name = last == null ? "" : last.toString().toLowerCase(Locale.ROOT);
    int dot = name.lastIndexOf('.');
    String extension = dot <= 0 ? "" : name.substring(dot);
    return switch (extension) {
      case ".mp4" -> MP4;
      case ".mkv" -> MKV;
      case ".gif" -> GIF;
      case ".webp" -> WEBP;
      case ".png" -> PICTURE;
      case "" -> FOLDER;
      default ->
          throw new InputException(
              "cannot write a video as %s; name it .mp4, .mkv (lossless), .gif or .webp, .png for one frame, or without extension for a folder of PNG files"
                  .formatted(target));
    };
  }

  /// Says whether FFmpeg is needed to write it.
  boolean needsFfmpeg() {
    return switch (this) {
      case MP4, MKV, GIF, WEBP -> true;
      case PICTURE, FOLDER -> false;
    };
  }

  /// Says whether it can hold sound.
  public boolean holdsSound() {
    return this == MP4 || this == MKV;
  }
}
