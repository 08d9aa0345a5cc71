package wan4j.media;

import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_DATA_DISPLAYMATRIX;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_side_data_get;
import static org.bytedeco.ffmpeg.global.avformat.av_guess_frame_rate;
import static org.bytedeco.ffmpeg.global.avutil.av_display_rotation_get;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.ffmpeg.avcodec.AVCodecParameters;
import org.bytedeco.ffmpeg.avcodec.AVPacketSideData;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.javacpp.IntPointer;
import wan4j.media.ffmpeg.Decoder;
import wan4j.media.ffmpeg.FrameConverter;
import wan4j.media.picture.PictureLimits;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Reads videos of any usual format frame by frame, turned upright as players do.
public final class VideoReader implements AutoCloseable {
  private static final long MOST_BYTES = 6L << 30;

  private final Path file;
  private final Decoder decoder;
  private final double framesPerSecond;
  private final int quarterTurns;
  private int width;
  private int height;
  private FrameConverter converter;
  private long count;

  private VideoReader(Path file) {
    this.file = file;
    decoder = new Decoder(file, Decoder.Kind.PICTURES);
    AVRational rate = av_guess_frame_rate(decoder.input(), decoder.stream(), null);
    framesPerSecond = rate.num() > 0 && rate.den() > 0 ? (double) rate.num() / rate.den() : 25;
    quarterTurns = quarterTurns(decoder.stream().codecpar());
  }

  /// Opens a video; throws `InputException` when it is missing, broken or too large.
  public static VideoReader open(Path file) {
    return new VideoReader(file);
  }

  /// Reads a whole video; throws `InputException` when it is broken, cut short, or too long to lie
  /// in memory.
  public static Clip read(Path file) {
    try (VideoReader reader = open(file)) {
      List<Picture> pictures = new ArrayList<>();
      long bytes = 0;
      while (true) {
        Optional<Picture> next = reader.next();
        if (next.isEmpty()) {
          break;
        }
        Picture picture = next.get();
        bytes += picture.rgb().length;
        if (bytes > MOST_BYTES) {
          throw new InputException(
              "%s has more than %d GB of pictures; give a shorter or smaller video"
                  .formatted(file, MOST_BYTES >> 30));
        }
        pictures.add(picture);
      }
      return new Clip(together(file, pictures), reader.framesPerSecond);
    }
  }

  private static Tensor together(Path file, List<Picture> pictures) {
    if (pictures.isEmpty()) {
      throw new InputException("%s holds no picture; give a whole video".formatted(file));
    }
    Picture first = pictures.getFirst();
    Tensor frames = FrameConversion.frames(pictures.size(), first.height(), first.width());
    for (int i = 0; i < pictures.size(); i++) {
      pictures.set(i, null).copyTo(frames.at(i).segment());
    }
    return frames;
  }

  /// Returns the frames a second that the file names.
  public double framesPerSecond() {
    return framesPerSecond;
  }

  /// Says whether the file holds sound too.
  boolean hasSound() {
    return decoder.has(Decoder.Kind.SOUND);
  }

  /// Returns the next frame, or nothing at the end; throws `InputException` when the file is broken
  /// or its frames change their size.
  public Optional<Picture> next() {
    AVFrame frame = decoder.next();
    if (frame == null) {
      checkLength();
      return Optional.empty();
    }
    count++;
    if (converter == null) {
      width = frame.width();
      height = frame.height();
      PictureLimits.check(file, width, height);
      converter = new FrameConverter(width, height);
    } else if (frame.width() != width || frame.height() != height) {
      throw new InputException(
          "the frames of %s change from %dx%d to %dx%d; give a video of one size"
              .formatted(file, width, height, frame.width(), frame.height()));
    }
    byte[] rgb = new byte[width * height * 3];
    decoder.check(converter.fromFrame(frame, rgb));
    return Optional.of(new Picture(width, height, rgb).turned(quarterTurns));
  }

  /// Passes over the next frame, or returns false at the end; throws `InputException` when the file
  /// is broken.
  boolean skip() {
    if (decoder.next() == null) {
      checkLength();
      return false;
    }
    count++;
    return true;
  }

  /// Throws when a Matroska file ends well before the time in its header, which FFmpeg passes over;
  /// the readers of other containers notice it themselves.
  private void checkLength() {
    double promised = decoder.input().duration() / 1e6;
    boolean isMatroska = decoder.input().iformat().name().getString().contains("matroska");
    if (isMatroska
        && decoder.input().nb_streams() == 1
        && promised > 0
        && (count + 3) / framesPerSecond < promised) {
      throw new InputException(
          "%s is cut short: it holds %d frames at %s a second but should last %.1f s; give a whole file"
              .formatted(file, count, framesPerSecond, promised));
    }
  }

  /// Returns how often a picture must be turned clockwise to be upright.
  private static int quarterTurns(AVCodecParameters parameters) {
    AVPacketSideData matrix =
        av_packet_side_data_get(
            parameters.coded_side_data(),
            parameters.nb_coded_side_data(),
            AV_PKT_DATA_DISPLAYMATRIX);
    if (matrix == null || matrix.isNull() || matrix.size() < 36) {
      return 0;
    }
    // FFmpeg gives the angle counterclockwise.
    double angle = -av_display_rotation_get(new IntPointer(matrix.data()));
    return Double.isNaN(angle) ? 0 : Math.floorMod(Math.round(angle / 90), 4);
  }

  @Override
  public void close() {
    if (converter != null) {
      converter.close();
    }
    decoder.close();
  }
}
