package wan4j.media.webp;

import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_WEBP;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUV420P;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUVA420P;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import wan4j.media.Picture;
import wan4j.media.ffmpeg.Decoder;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.media.ffmpeg.FrameConverter;
import wan4j.media.picture.PictureLimits;
import wan4j.media.picture.Plane;
import wan4j.tensor.InputException;

/// Decodes JPEG and WebP pictures through FFmpeg, and turns what its codecs give into RGB as
/// libjpeg and libwebp do, so that the values are those that Pillow gives.
public final class CodedPictures {
  private CodedPictures() {}

  /// Reads the first picture of a file whose format is FFmpeg's `jpeg_pipe` or `webp_pipe`.
  public static Picture read(Path file, String format) {
    try (Decoder decoder = Decoder.ofFormat(file, format)) {
      AVFrame frame = decoder.next();
      if (frame == null) {
        throw new InputException("%s holds no picture; give a whole file".formatted(file));
      }
      int width = frame.width();
      int height = frame.height();
      PictureLimits.check(file, width, height);
      int codec = decoder.stream().codecpar().codec_id();
      byte[] rgb = new byte[width * height * 3];
      if (codec == AV_CODEC_ID_WEBP
          && (frame.format() == AV_PIX_FMT_YUV420P || frame.format() == AV_PIX_FMT_YUVA420P)) {
        WebpColours.toRgb(plane(frame, 0, 1, 1), plane(frame, 1, 2, 2), plane(frame, 2, 2, 2), rgb);
      } else {
        // Already RGB, or a rarity such as CMYK.
        try (FrameConverter converter = new FrameConverter(width, height)) {
          decoder.check(converter.fromFrame(frame, rgb));
        }
      }
      return new Picture(width, height, rgb);
    }
  }

  private static Plane plane(AVFrame frame, int index, int columns, int rows) {
    int width = Math.ceilDiv(frame.width(), columns);
    int height = Math.ceilDiv(frame.height(), rows);
    int stride = frame.linesize(index);
    ByteBuffer lines = Ffmpeg.buffer(frame.data(index), (long) stride * (height - 1) + width);
    byte[] values = new byte[width * height];
    for (int y = 0; y < height; y++) {
      lines.get(y * stride, values, y * width, width);
    }
    return new Plane(width, height, values);
  }
}
