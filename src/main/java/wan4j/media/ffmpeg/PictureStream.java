package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avutil.AVCOL_PRI_BT709;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_RANGE_JPEG;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_RANGE_MPEG;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_BT709;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_RGB;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_TRC_BT709;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_BGR0;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_BGRA;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUV420P;
import static org.bytedeco.ffmpeg.global.avutil.av_d2q;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import wan4j.media.VideoSettings;

/// The pictures of an mp4 or mkv file: colours are converted to what the codec stores, and tagged.
public final class PictureStream implements AutoCloseable {
  private static final int LEAST_ROWS = 80; // of a slice: five rows of macroblocks
  private static final int MOST_SLICES = 8;

  private final Muxer muxer;
  private final Encoder encoder;
  private final FrameConverter converter;
  private final AVFrame frame;
  private long count;

  private PictureStream(Muxer muxer, Encoder encoder, int width, int height) {
    this.muxer = muxer;
    this.encoder = encoder;
    this.converter = new FrameConverter(width, height);
    AVCodecContext codec = encoder.codec();
    this.frame = FrameConverter.frame(codec.pix_fmt(), width, height);
    frame.colorspace(codec.colorspace());
    frame.color_range(codec.color_range());
  }

  /// Opens a stream of H.264.
  public static PictureStream h264(Muxer muxer, int width, int height, VideoSettings settings) {
    Encoder encoder = new Encoder(muxer, settings.codec().library());
    AVCodecContext codec = encoder.codec();
    setUp(codec, width, height, settings.framesPerSecond());
    // BT.709 for every size: players that read the tags show the same colours in each.
    codec.pix_fmt(AV_PIX_FMT_YUV420P);
    codec.colorspace(AVCOL_SPC_BT709);
    codec.color_primaries(AVCOL_PRI_BT709);
    codec.color_trc(AVCOL_TRC_BT709);
    codec.color_range(AVCOL_RANGE_MPEG);
    String factor = Integer.toString(settings.rateFactor());
    encoder.open(
        switch (settings.codec()) {
          case X264 -> Map.of("crf", factor);
          case NVENC -> Map.of("rc", "vbr", "cq", factor, "preset", "p5", "profile", "high");
          case OPENH264 -> {
            setUpOpenH264(codec, height, settings.rateFactor());
            yield Map.of("rc_mode", "quality", "profile", "high");
          }
        });
    return new PictureStream(muxer, encoder, width, height);
  }

  /// OpenH264 has no rate factor. A constant quantiser of the same number comes close; it takes
  /// numbers below 12 as 12. Slices are the threads' work, and their number, not the threads',
  /// decides the bytes.
  private static void setUpOpenH264(AVCodecContext codec, int height, int rateFactor) {
    int quantiser = Math.clamp(rateFactor, 1, 51);
    codec.qmin(quantiser);
    codec.qmax(quantiser);
    int slices = Math.clamp(height / LEAST_ROWS, 1, MOST_SLICES);
    codec.slices(slices);
    codec.thread_count(Math.min(slices, Runtime.getRuntime().availableProcessors()));
  }

  /// Opens a stream of moving WebP.
  public static PictureStream webp(Muxer muxer, int width, int height, VideoSettings settings) {
    Encoder encoder = new Encoder(muxer, "libwebp_anim");
    AVCodecContext codec = encoder.codec();
    setUp(codec, width, height, settings.framesPerSecond());
    codec.pix_fmt(AV_PIX_FMT_BGRA);
    codec.colorspace(AVCOL_SPC_RGB);
    codec.color_range(AVCOL_RANGE_JPEG);
    encoder.open(Map.of("quality", "90"));
    return new PictureStream(muxer, encoder, width, height);
  }

  /// Opens a stream of lossless FFV1, with a checksum for every slice.
  public static PictureStream lossless(Muxer muxer, int width, int height, VideoSettings settings) {
    Encoder encoder = new Encoder(muxer, "ffv1");
    AVCodecContext codec = encoder.codec();
    setUp(codec, width, height, settings.framesPerSecond());
    codec.pix_fmt(AV_PIX_FMT_BGR0);
    codec.colorspace(AVCOL_SPC_RGB);
    codec.color_range(AVCOL_RANGE_JPEG);
    codec.level(3);
    codec.gop_size(1);
    encoder.open(Map.of("slicecrc", "1"));
    return new PictureStream(muxer, encoder, width, height);
  }

  static void setUp(AVCodecContext codec, int width, int height, double framesPerSecond) {
    AVRational rate = av_d2q(framesPerSecond, 1_001_000);
    codec.width(width);
    codec.height(height);
    codec.framerate(rate);
    codec.time_base(new AVRational().num(rate.den()).den(rate.num()));
  }

  /// Adds a frame of pixels `[height, width, 3]`.
  public void add(MemorySegment pixels) {
    muxer.check(converter.toFrame(pixels, frame));
    frame.pts(count++);
    frame.duration(1);
    encoder.encode(frame);
  }

  /// Writes what the codec still holds.
  public void finish() {
    encoder.finish();
  }

  @Override
  public void close() {
    av_frame_free(frame);
    converter.close();
    encoder.close();
  }
}
