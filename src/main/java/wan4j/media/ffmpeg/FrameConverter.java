package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avutil.AVCOL_RANGE_JPEG;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_RGB;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_SMPTE170M;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_UNSPECIFIED;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_FLAG_RGB;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_RGB24;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_get_buffer;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_make_writable;
import static org.bytedeco.ffmpeg.global.avutil.av_pix_fmt_desc_get;
import static org.bytedeco.ffmpeg.global.swscale.sws_alloc_context;
import static org.bytedeco.ffmpeg.global.swscale.sws_freeContext;
import static org.bytedeco.ffmpeg.global.swscale.sws_scale_frame;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.swscale.SwsContext;

/// Copies pictures into and out of FFmpeg's frames, converting colours both ways by the matrix and
/// range that a frame is tagged with.
public final class FrameConverter implements AutoCloseable {
  private static final int LEAST_ROWS = 90; // of a thread

  private final int width;
  private final int height;
  private final AVFrame rgb;
  private final SwsContext scaler;

  public FrameConverter(int width, int height) {
    this.width = width;
    this.height = height;
    rgb = frame(AV_PIX_FMT_RGB24, width, height);
    rgb.colorspace(AVCOL_SPC_RGB);
    rgb.color_range(AVCOL_RANGE_JPEG);
    scaler = sws_alloc_context();
    scaler.flags(Ffmpeg.EXACT_COLOURS);
    scaler.threads(Math.clamp(height / LEAST_ROWS, 1, Runtime.getRuntime().availableProcessors()));
  }

  /// Allocates a frame of a pixel format with its memory; the caller frees it.
  static AVFrame frame(int format, int width, int height) {
    AVFrame frame = av_frame_alloc();
    frame.format(format);
    frame.width(width);
    frame.height(height);
    if (av_frame_get_buffer(frame, 0) < 0) {
      av_frame_free(frame);
      throw new OutOfMemoryError("no memory for a frame of %dx%d".formatted(width, height));
    }
    return frame;
  }

  /// Writes pixels `[height, width, 3]` into a frame of another pixel format; returns FFmpeg's
  /// code.
  int toFrame(MemorySegment pixels, AVFrame target) {
    int code = av_frame_make_writable(target);
    if (code < 0) {
      return code;
    }
    MemorySegment lines = lines();
    for (int y = 0; y < height; y++) {
      MemorySegment.copy(
          pixels, (long) y * width * 3, lines, (long) y * rgb.linesize(0), width * 3L);
    }
    return sws_scale_frame(scaler, target, rgb);
  }

  /// Reads a frame's pixels into an array `[height, width, 3]`; returns FFmpeg's code.
  public int fromFrame(AVFrame source, byte[] pixels) {
    if (source.colorspace() == AVCOL_SPC_UNSPECIFIED) {
      // Untagged files mostly come from FFmpeg's own default, and OpenCV and decord read them so.
      source.colorspace(isRgb(source.format()) ? AVCOL_SPC_RGB : AVCOL_SPC_SMPTE170M);
    }
    int code = sws_scale_frame(scaler, rgb, source);
    if (code < 0) {
      return code;
    }
    MemorySegment lines = lines();
    for (int y = 0; y < height; y++) {
      MemorySegment.copy(
          lines,
          ValueLayout.JAVA_BYTE,
          (long) y * rgb.linesize(0),
          pixels,
          y * width * 3,
          width * 3);
    }
    return code;
  }

  private static boolean isRgb(int format) {
    return (av_pix_fmt_desc_get(format).flags() & AV_PIX_FMT_FLAG_RGB) != 0;
  }

  private MemorySegment lines() {
    return MemorySegment.ofBuffer(Ffmpeg.buffer(rgb.data(0), (long) rgb.linesize(0) * height));
  }

  @Override
  public void close() {
    av_frame_free(rgb);
    sws_freeContext(scaler);
  }
}
