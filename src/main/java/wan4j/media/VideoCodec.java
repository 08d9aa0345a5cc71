package wan4j.media;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import wan4j.media.ffmpeg.Encoder;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.tensor.InputException;

/// What encodes H.264.
public enum VideoCodec {
  /// OpenH264, which every build of FFmpeg that wan4j comes with has.
  OPENH264("libopenh264"),
  /// x264, which builds of FFmpeg under the GPL have.
  X264("libx264"),
  /// The encoder of an NVIDIA GPU, which its driver and FFmpeg must both have.
  NVENC("h264_nvenc");

  private final String library;

  VideoCodec(String library) {
    this.library = library;
  }

  /// Returns x264 where FFmpeg has it, else OpenH264.
  public static VideoCodec usual() {
    return Encoder.isPresent(X264.library) ? X264 : OPENH264;
  }

  /// Returns the codec of a name, or the usual one for null; throws `InputException` for others and
  /// for one that cannot be had here.
  public static VideoCodec of(String name) {
    Ffmpeg.require("encode H.264");
    if (name == null) {
      return usual();
    }
    VideoCodec codec =
        Stream.of(values())
            .filter(known -> known.spelling().equals(name.toLowerCase(Locale.ROOT)))
            .findFirst()
            .orElseThrow(() ->
                new InputException(
                    "--encoder got \"%s\"; give openh264, x264 or nvenc".formatted(name)));
    codec.require();
    return codec;
  }

  private void require() {
    if (!Encoder.isPresent(library)) {
      throw new InputException(
          "--encoder got %s, but the FFmpeg at hand has no %s; give %s, or put a build that has it on the module path"
              .formatted(spelling(), library, others()));
    }
    if (this == NVENC && !Encoder.opens(library)) {
      throw new InputException(
          "--encoder got nvenc, but this machine's driver has no encoder, or no GPU with one; give %s"
              .formatted(others()));
    }
  }

  private String others() {
    return Stream.of(values())
        .filter(codec -> codec != this && codec != NVENC && Encoder.isPresent(codec.library))
        .map(VideoCodec::spelling)
        .collect(Collectors.joining(" or "));
  }

  /// Returns its name on the command line.
  public String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Returns FFmpeg's name of it.
  public String library() {
    return library;
  }
}
