package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_encoder_by_name;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_packet;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_frame;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUV420P;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;

import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;

/// One codec that encodes frames of pictures or sound into one stream of a file.
public final class Encoder implements AutoCloseable {
  private static final int TRIAL_SIDE = 256;

  private final Muxer muxer;
  private final AVCodecContext codec;
  private final AVPacket packet;
  private AVStream stream;

  /// Creates a codec by name, to be set up and then opened; throws `InputException` when FFmpeg
  /// lacks it.
  Encoder(Muxer muxer, String name) {
    AVCodec found = avcodec_find_encoder_by_name(name);
    if (found == null) {
      throw Ffmpeg.missing("encoder named " + name);
    }
    this.muxer = muxer;
    codec = avcodec_alloc_context3(found);
    packet = av_packet_alloc();
    muxer.prepare(codec);
  }

  /// Says whether FFmpeg has an encoder.
  public static boolean isPresent(String name) {
    return avcodec_find_encoder_by_name(name) != null;
  }

  /// Says whether an encoder that FFmpeg has can be opened on this machine, for a small picture.
  public static boolean opens(String name) {
    AVCodec found = avcodec_find_encoder_by_name(name);
    AVCodecContext trial = avcodec_alloc_context3(found);
    trial.width(TRIAL_SIDE);
    trial.height(TRIAL_SIDE);
    trial.pix_fmt(AV_PIX_FMT_YUV420P);
    trial.time_base(new AVRational().num(1).den(16));
    boolean opens = avcodec_open2(trial, found, (AVDictionary) null) >= 0;
    avcodec_free_context(trial);
    return opens;
  }

  /// Returns the codec's settings.
  AVCodecContext codec() {
    return codec;
  }

  /// Opens the codec with options of its own and adds its stream to the file.
  void open(Map<String, String> options) {
    AVDictionary dictionary = new AVDictionary(null);
    options.forEach((name, value) -> av_dict_set(dictionary, name, value, 0));
    int code = avcodec_open2(codec, null, dictionary);
    av_dict_free(dictionary);
    muxer.check(code);
    stream = muxer.add(codec);
  }

  /// Encodes a frame and writes what the codec gives back; throws `EncodingException` when the
  /// codec fails.
  void encode(AVFrame frame) {
    send(frame);
  }

  /// Writes what the codec still holds.
  void finish() {
    send(null);
  }

  private void send(AVFrame frame) {
    check(avcodec_send_frame(codec, frame));
    while (true) {
      int code = avcodec_receive_packet(codec, packet);
      if (code == Ffmpeg.AGAIN || code == AVERROR_EOF) {
        return;
      }
      check(code);
      // A codec that leaves this out would make the last frame of a file last no time.
      if (packet.duration() == 0 && codec.frame_size() == 0) {
        packet.duration(1);
      }
      muxer.write(packet, codec, stream);
    }
  }

  private static void check(int code) {
    if (code < 0) {
      throw new EncodingException(Ffmpeg.text(code));
    }
  }

  @Override
  public void close() {
    av_packet_free(packet);
    avcodec_free_context(codec);
  }
}
