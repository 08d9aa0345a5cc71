package wan4j.media;

import static org.bytedeco.ffmpeg.global.avformat.av_find_best_stream;
import static org.bytedeco.ffmpeg.global.avformat.av_guess_frame_rate;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_AUDIO;
import static org.bytedeco.ffmpeg.global.avutil.AV_NOPTS_VALUE;

import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import wan4j.media.ffmpeg.Decoder;
import wan4j.tensor.InputException;

/// When each frame of a video is shown, and what else can be told of it before its pictures are
/// looked at.
///
/// @param seconds the time of each frame, rising
/// @param framesPerSecond the mean rate
/// @param width of a frame, upright
/// @param height of a frame, upright
/// @param quarterTurns how often players turn the stored frames clockwise
/// @param hasSound whether there is sound with it
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
public record VideoTimes(
    double[] seconds,
    double framesPerSecond,
    int width,
    int height,
    int quarterTurns,
    boolean hasSound) {
  /// A frame that is shown for longer or shorter than the mean by this share makes a variable rate.
  private static final double UNEVEN = 0.5;

  /// Decodes a whole video for its times; throws `InputException` when it is missing, broken or
  /// holds no picture.
  public static VideoTimes of(Path file) {
    try (Decoder decoder = new Decoder(file, Decoder.Kind.PICTURES)) {
      double rate = rate(decoder);
      double unit = ratio(decoder.stream().time_base());
      double[] seconds = new double[64];
      int count = 0;
      int width = 0;
      int height = 0;
      for (AVFrame frame = decoder.next(); frame != null; frame = decoder.next()) {
        width = frame.width();
        height = frame.height();
        if (count == seconds.length) {
          seconds = Arrays.copyOf(seconds, count * 2);
        }
        long stamp = frame.best_effort_timestamp();
        double before = count == 0 ? -1 / rate : seconds[count - 1];
        seconds[count++] = stamp == AV_NOPTS_VALUE ? before + 1 / rate : stamp * unit;
      }
      if (count == 0) {
        throw new InputException("%s holds no picture; give a whole video".formatted(file));
      }
      int turns = VideoReader.quarterTurns(decoder.stream().codecpar());
      boolean isOnItsSide = turns % 2 != 0;
      int sound =
          av_find_best_stream(decoder.input(), AVMEDIA_TYPE_AUDIO, -1, -1, (AVCodec) null, 0);
      return new VideoTimes(
          Arrays.copyOf(seconds, count),
          rate,
          isOnItsSide ? height : width,
          isOnItsSide ? width : height,
          turns,
          sound >= 0);
    }
  }

  private static double rate(Decoder decoder) {
    double mean = ratio(decoder.stream().avg_frame_rate());
    double guess = ratio(av_guess_frame_rate(decoder.input(), decoder.stream(), null));
    return mean > 0 ? mean : guess > 0 ? guess : 25;
  }

  private static double ratio(AVRational value) {
    return value.den() == 0 ? 0 : (double) value.num() / value.den();
  }

  /// Returns the number of frames.
  public int count() {
    return seconds.length;
  }

  /// Says whether frames are shown for different times.
  public boolean isVariable() {
    double mean = 1 / framesPerSecond;
    for (int i = 1; i < seconds.length; i++) {
      if (Math.abs(seconds[i] - seconds[i - 1] - mean) > UNEVEN * mean) {
        return true;
      }
    }
    return false;
  }

  /// Returns which frames make up the video at another rate, one at least: by their numbers, as the
  /// reference does, or by their times where the rate is variable.
  public int[] at(double rate) {
    if (!isVariable()) {
      int[] indices = Clip.indices(count(), framesPerSecond, rate);
      return indices.length == 0 ? new int[1] : indices;
    }
    double length = seconds[count() - 1] - seconds[0] + 1 / framesPerSecond;
    int[] indices = new int[Math.max(1, (int) (length * rate))];
    int at = 0;
    for (int i = 0; i < indices.length; i++) {
      double time = seconds[0] + i / rate;
      while (at + 1 < count() && Math.abs(seconds[at + 1] - time) <= Math.abs(seconds[at] - time)) {
        at++;
      }
      indices[i] = at;
    }
    return indices;
  }
}
