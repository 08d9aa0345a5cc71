package wan4j.media.webp;

import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_ARGB;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUV420P;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUVA420P;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import wan4j.media.ffmpeg.Decoder;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.media.ffmpeg.FrameConverter;
import wan4j.media.picture.DecodedPicture;
import wan4j.media.picture.PictureLimits;
import wan4j.media.picture.Plane;
import wan4j.tensor.InputException;

/// Decodes WebP pictures through FFmpeg, and turns what its codec gives into RGB as libwebp does,
/// so that the values are those that Pillow gives.
public final class WebpReader {
  private static final int ALPHA = 3;

  private WebpReader() {}

  /// Says whether the bytes begin as a WebP file does.
  public static boolean recognises(byte[] bytes) {
    return WebpContainer.recognises(bytes);
  }

  /// Decodes a whole file; throws `InputException` when it is broken, cut short, animated or too
  /// large.
  public static DecodedPicture read(Path file, byte[] bytes) {
    WebpContainer container = WebpContainer.read(file, bytes);
    try (Decoder decoder = Decoder.ofFormat(file, "webp_pipe")) {
      AVFrame frame = decoder.next();
      if (frame == null) {
        throw new InputException("%s holds no picture; give a whole file".formatted(file));
      }
      int width = frame.width();
      int height = frame.height();
      PictureLimits.check(file, width, height);
      byte[] rgb = new byte[width * height * 3];
      if (frame.format() == AV_PIX_FMT_YUV420P || frame.format() == AV_PIX_FMT_YUVA420P) {
        WebpColours.toRgb(plane(frame, 0, 1, 1), plane(frame, 1, 2, 2), plane(frame, 2, 2, 2), rgb);
      } else {
        // lossless: already RGB
        try (FrameConverter converter = new FrameConverter(width, height)) {
          decoder.check(converter.fromFrame(frame, rgb));
        }
      }
      return new DecodedPicture(width, height, rgb, container.orientation(), isSeeThrough(frame));
    }
  }

  private static boolean isSeeThrough(AVFrame frame) {
    if (frame.format() == AV_PIX_FMT_YUVA420P) {
      return isSeeThrough(plane(frame, ALPHA, 1, 1), 1);
    }
    if (frame.format() == AV_PIX_FMT_ARGB) {
      return isSeeThrough(lines(frame, 0, frame.width() * 4, frame.height()), 4);
    }
    return false;
  }

  /// Says whether one of the alphas, which are every `step` values, is below 255.
  private static boolean isSeeThrough(Plane plane, int step) {
    for (int y = 0; y < plane.height; y++) {
      for (int x = 0; x < plane.width; x += step) {
        if (plane.at(x, y) < 255) {
          return true;
        }
      }
    }
    return false;
  }

  private static Plane plane(AVFrame frame, int index, int columns, int rows) {
    return lines(
        frame, index, Math.ceilDiv(frame.width(), columns), Math.ceilDiv(frame.height(), rows));
  }

  private static Plane lines(AVFrame frame, int index, int width, int height) {
    int stride = frame.linesize(index);
    ByteBuffer lines = Ffmpeg.buffer(frame.data(index), (long) stride * (height - 1) + width);
    byte[] values = new byte[width * height];
    for (int y = 0; y < height; y++) {
      lines.get(y * stride, values, y * width, width);
    }
    return new Plane(width, height, values);
  }
}
