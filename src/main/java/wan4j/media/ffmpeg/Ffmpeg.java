package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avutil.AV_LOG_DEBUG;
import static org.bytedeco.ffmpeg.global.avutil.AV_LOG_QUIET;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avfilter;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swresample;
import org.bytedeco.ffmpeg.global.swscale;
import org.bytedeco.javacpp.BytePointer;
import wan4j.tensor.InputException;

/// The FFmpeg libraries: whether they are there, and their error codes as sentences.
///
/// They are called through the JavaCPP presets alone. Passing them views of heap buffers has
/// crashed the JVM, so this package hands over only direct memory that FFmpeg itself allocated.
public final class Ffmpeg {
  /// FFmpeg wants more input, or room for output, before it can go on: `AVERROR(EAGAIN)` on Linux.
  static final int AGAIN = -11;

  /// The chroma and rounding options with which `swscale` converts colours most exactly.
  static final int EXACT_COLOURS =
      swscale.SWS_BICUBIC
          | swscale.SWS_ACCURATE_RND
          | swscale.SWS_FULL_CHR_H_INT
          | swscale.SWS_FULL_CHR_H_INP
          | swscale.SWS_BITEXACT;

  private static final String OBSTACLE = load();

  private Ffmpeg() {}

  private static String load() {
    try {
      // Each call loads one library; FFmpeg's own chatter is shown with -Dwan4j.ffmpeg.log=true.
      avutil.av_log_set_level(Boolean.getBoolean("wan4j.ffmpeg.log") ? AV_LOG_DEBUG : AV_LOG_QUIET);
      swresample.swresample_version();
      swscale.swscale_version();
      avcodec.avcodec_version();
      avformat.avformat_version();
      avfilter.avfilter_version();
      return "";
    } catch (LinkageError | RuntimeException e) {
      Throwable root = e;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      return root.toString().lines().findFirst().orElse("no reason given");
    }
  }

  /// Throws `InputException` when the libraries cannot be loaded; `purpose` completes "cannot …".
  public static void require(String purpose) {
    if (!OBSTACLE.isEmpty()) {
      throw new InputException(
          "cannot %s without the FFmpeg libraries, which did not load (%s); install libudev1 and allow writing to the home folder, or use PNG files"
              .formatted(purpose, OBSTACLE));
    }
  }

  /// Returns FFmpeg's words for an error code.
  static String text(int code) {
    byte[] text = new byte[256];
    avutil.av_strerror(code, text, text.length);
    int end = 0;
    while (end < text.length && text[end] != 0) {
      end++;
    }
    return new String(text, 0, end, StandardCharsets.UTF_8);
  }

  /// Returns a file's absolute name such that FFmpeg takes it for a file and never for another
  /// protocol.
  static BytePointer address(Path file) {
    return new BytePointer("file:" + file.toAbsolutePath(), StandardCharsets.UTF_8);
  }

  /// Returns FFmpeg's memory as a buffer; it is valid until FFmpeg frees or moves the memory.
  public static ByteBuffer buffer(BytePointer pointer, long bytes) {
    return pointer.position(0).capacity(bytes).asByteBuffer();
  }

  /// Returns the sentence for a codec that this build of FFmpeg lacks.
  static InputException missing(String codec) {
    return new InputException(
        "the FFmpeg libraries have no %s; put a build that has it on the module path"
            .formatted(codec));
  }
}
