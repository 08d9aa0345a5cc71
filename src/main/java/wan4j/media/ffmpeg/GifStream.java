package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avfilter.av_buffersink_get_frame;
import static org.bytedeco.ffmpeg.global.avfilter.av_buffersrc_add_frame;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_get_by_name;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_graph_alloc;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_graph_config;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_graph_create_filter;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_graph_free;
import static org.bytedeco.ffmpeg.global.avfilter.avfilter_link;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_BGR0;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_PAL8;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avfilter.AVFilterContext;
import org.bytedeco.ffmpeg.avfilter.AVFilterGraph;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import wan4j.media.VideoSettings;

/// The pictures of a GIF file: one palette of 256 colours is found for the whole video by FFmpeg's
/// filters `palettegen` and `paletteuse`, so all frames wait until the last is known.
public final class GifStream implements AutoCloseable {
  /// GIF counts hundredths of a second, and browsers show a picture of less than two of them for
  /// ten.
  private static final double MOST_FRAMES_PER_SECOND = 50;

  private final Muxer muxer;
  private final Encoder encoder;
  private final FrameConverter converter;
  private final AVFilterGraph graph = avfilter_graph_alloc();
  private final AVFilterContext source;
  private final AVFilterContext sink;
  private final int width;
  private final int height;
  private final double kept;
  private long count;
  private long written;

  public GifStream(Muxer muxer, int width, int height, VideoSettings settings) {
    this.muxer = muxer;
    this.width = width;
    this.height = height;
    this.converter = new FrameConverter(width, height);
    this.encoder = new Encoder(muxer, "gif");
    AVCodecContext codec = encoder.codec();
    double rate = Math.min(settings.framesPerSecond(), MOST_FRAMES_PER_SECOND);
    this.kept = rate / settings.framesPerSecond();
    PictureStream.setUp(codec, width, height, rate);
    codec.pix_fmt(AV_PIX_FMT_PAL8);
    encoder.open(Map.of());
    source =
        filter(
            "buffer",
            "video_size=%dx%d:pix_fmt=%d:time_base=%d/%d:pixel_aspect=1/1:colorspace=gbr:range=pc"
                .formatted(
                    width,
                    height,
                    AV_PIX_FMT_BGR0,
                    codec.time_base().num(),
                    codec.time_base().den()));
    AVFilterContext split = filter("split", "2");
    AVFilterContext generate = filter("palettegen", "reserve_transparent=0");
    AVFilterContext use = filter("paletteuse", "dither=sierra2_4a");
    sink = filter("buffersink", null);
    muxer.check(avfilter_link(source, 0, split, 0));
    muxer.check(avfilter_link(split, 0, use, 0));
    muxer.check(avfilter_link(split, 1, generate, 0));
    muxer.check(avfilter_link(generate, 0, use, 1));
    muxer.check(avfilter_link(use, 0, sink, 0));
    muxer.check(avfilter_graph_config(graph, null));
  }

  private AVFilterContext filter(String name, String arguments) {
    AVFilterContext context = new AVFilterContext(null);
    muxer.check(
        avfilter_graph_create_filter(
            context, avfilter_get_by_name(name), name, arguments, null, graph));
    return context;
  }

  /// Adds a frame of pixels `[height, width, 3]`, or leaves it out where there are more a second
  /// than players show.
  public void add(MemorySegment pixels) {
    boolean isKept = Math.ceil(count * kept) < Math.ceil((count + 1) * kept);
    count++;
    if (!isKept) {
      return;
    }
    AVFrame frame = FrameConverter.frame(AV_PIX_FMT_BGR0, width, height);
    try {
      muxer.check(converter.toFrame(pixels, frame));
      frame.pts(written++);
      frame.duration(1);
      muxer.check(av_buffersrc_add_frame(source, frame));
    } finally {
      av_frame_free(frame);
    }
  }

  /// Finds the palette, then encodes all frames.
  public void finish() {
    muxer.check(av_buffersrc_add_frame(source, null));
    AVFrame frame = av_frame_alloc();
    try {
      while (true) {
        int code = av_buffersink_get_frame(sink, frame);
        if (code == Ffmpeg.AGAIN || code == AVERROR_EOF) {
          break;
        }
        muxer.check(code);
        encoder.encode(frame);
        av_frame_unref(frame);
      }
    } finally {
      av_frame_free(frame);
    }
    encoder.finish();
  }

  @Override
  public void close() {
    avfilter_graph_free(graph);
    converter.close();
    encoder.close();
  }
}
