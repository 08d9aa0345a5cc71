package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_FLAG_GLOBAL_HEADER;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_rescale_ts;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_from_context;
import static org.bytedeco.ffmpeg.global.avformat.AVFMT_GLOBALHEADER;
import static org.bytedeco.ffmpeg.global.avformat.AVIO_FLAG_WRITE;
import static org.bytedeco.ffmpeg.global.avformat.av_interleaved_write_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_write_trailer;
import static org.bytedeco.ffmpeg.global.avformat.avformat_alloc_output_context2;
import static org.bytedeco.ffmpeg.global.avformat.avformat_free_context;
import static org.bytedeco.ffmpeg.global.avformat.avformat_new_stream;
import static org.bytedeco.ffmpeg.global.avformat.avformat_write_header;
import static org.bytedeco.ffmpeg.global.avformat.avio_closep;
import static org.bytedeco.ffmpeg.global.avformat.avio_open;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.javacpp.BytePointer;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// A video file that is being written: streams are added, then packets, then it ends.
public final class Muxer implements AutoCloseable {
  private final Path target;
  private final AVFormatContext context = new AVFormatContext(null);
  private final AVIOContext file = new AVIOContext(null);

  /// Opens `path` for a container format; messages name `target`.
  public Muxer(Path target, Path path, String format) {
    this.target = target;
    try (BytePointer address = Ffmpeg.address(path);
        BytePointer name = new BytePointer(format, StandardCharsets.UTF_8)) {
      check(avformat_alloc_output_context2(context, null, name, address));
      check(avio_open(file, address, AVIO_FLAG_WRITE));
      context.pb(file);
      // without random identifiers, so that the same frames give the same bytes
      context.flags(context.flags() | AVFormatContext.AVFMT_FLAG_BITEXACT);
    } catch (InputException e) {
      close();
      throw e;
    }
  }

  /// Prepares a codec for the format; to be called before the codec is opened.
  void prepare(AVCodecContext codec) {
    if ((context.oformat().flags() & AVFMT_GLOBALHEADER) != 0) {
      codec.flags(codec.flags() | AV_CODEC_FLAG_GLOBAL_HEADER);
    }
  }

  /// Adds a stream of what an opened codec will encode.
  AVStream add(AVCodecContext codec) {
    AVStream stream = avformat_new_stream(context, null);
    check(avcodec_parameters_from_context(stream.codecpar(), codec));
    stream.time_base(codec.time_base());
    stream.avg_frame_rate(codec.framerate());
    return stream;
  }

  /// Writes the header, with options of the format.
  public void begin(Map<String, String> options) {
    AVDictionary dictionary = new AVDictionary(null);
    options.forEach((name, value) -> av_dict_set(dictionary, name, value, 0));
    int code = avformat_write_header(context, dictionary);
    av_dict_free(dictionary);
    check(code);
  }

  /// Writes a packet that a codec made for a stream.
  void write(AVPacket packet, AVCodecContext codec, AVStream stream) {
    packet.stream_index(stream.index());
    av_packet_rescale_ts(packet, codec.time_base(), stream.time_base());
    check(av_interleaved_write_frame(context, packet));
    check(file.error());
  }

  /// Writes the end; the file is then whole.
  public void end() {
    check(av_write_trailer(context));
    check(file.error());
    context.pb(new AVIOContext(null));
    check(avio_closep(file));
  }

  /// Throws `InputException` for a negative code of FFmpeg and returns any other.
  int check(int code) {
    if (code < 0) {
      throw PendingFile.failure(target, Ffmpeg.text(code));
    }
    return code;
  }

  @Override
  public void close() {
    if (!file.isNull()) {
      avio_closep(file);
    }
    if (!context.isNull()) {
      context.pb(new AVIOContext(null));
      avformat_free_context(context);
      context.setNull();
    }
  }
}
