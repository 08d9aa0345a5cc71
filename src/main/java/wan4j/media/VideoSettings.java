package wan4j.media;

import java.util.Objects;

/// How a video is written: frames a second, quality as x264's constant rate factor (0 best, 51
/// worst; it matters for H.264 only), the sound that goes with it, and what encodes H.264, null for
/// the usual.
public record VideoSettings(
    double framesPerSecond, int rateFactor, Soundtrack sound, VideoCodec chosen) {
  /// The rate factor that the reference's `quality=8` comes to (imageio/imageio-ffmpeg 2f3403a,
  /// imageio_ffmpeg/_io.py).
  public static final int REFERENCE_RATE_FACTOR = 10;

  /// Creates settings; throws `IllegalArgumentException` when a value is out of range.
  public VideoSettings {
    Objects.requireNonNull(sound, "sound is null");
    if (!(framesPerSecond >= 0.1 && framesPerSecond <= 1000)) {
      throw new IllegalArgumentException(
          "frames a second must be from 0.1 to 1000, got " + framesPerSecond);
    }
    if (rateFactor < 0 || rateFactor > 51) {
      throw new IllegalArgumentException("rate factor must be from 0 to 51, got " + rateFactor);
    }
  }

  /// Creates settings whose H.264 the usual codec encodes.
  public VideoSettings(double framesPerSecond, int rateFactor, Soundtrack sound) {
    this(framesPerSecond, rateFactor, sound, null);
  }

  /// Returns what encodes H.264.
  public VideoCodec codec() {
    return chosen == null ? VideoCodec.usual() : chosen;
  }

  /// Returns these settings of another quality.
  VideoSettings withRateFactor(int factor) {
    return new VideoSettings(framesPerSecond, factor, sound, chosen);
  }

  /// Returns settings of the reference's quality, without sound.
  public static VideoSettings silent(double framesPerSecond) {
    return new VideoSettings(framesPerSecond, REFERENCE_RATE_FACTOR, Sound.NONE);
  }
}
