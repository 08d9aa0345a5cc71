package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_FFV1;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_MP3;
import static org.bytedeco.ffmpeg.global.avcodec.AV_EF_CRCCHECK;
import static org.bytedeco.ffmpeg.global.avcodec.AV_EF_EXPLODE;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_decoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_to_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_frame;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_packet;
import static org.bytedeco.ffmpeg.global.avformat.av_find_best_stream;
import static org.bytedeco.ffmpeg.global.avformat.av_find_input_format;
import static org.bytedeco.ffmpeg.global.avformat.av_read_frame;
import static org.bytedeco.ffmpeg.global.avformat.avformat_alloc_context;
import static org.bytedeco.ffmpeg.global.avformat.avformat_close_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_find_stream_info;
import static org.bytedeco.ffmpeg.global.avformat.avformat_open_input;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_INVALIDDATA;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_AUDIO;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_VIDEO;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;

import java.nio.ByteOrder;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVCodecParameters;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVInputFormat;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.javacpp.BytePointer;
import wan4j.files.InputFile;
import wan4j.media.picture.PictureLimits;
import wan4j.tensor.InputException;

/// One stream of a file, decoded frame by frame; every failure is an `InputException` in a
/// sentence.
public final class Decoder implements AutoCloseable {
  /// What a stream holds.
  public enum Kind {
    PICTURES("pictures", AVMEDIA_TYPE_VIDEO),
    SOUND("sound", AVMEDIA_TYPE_AUDIO);

    private final String word;
    private final int type;

    Kind(String word, int type) {
      this.word = word;
      this.type = type;
    }
  }

  // Containers that hold their own data: playlists, which make FFmpeg open other files, are not
  // here.
  private static final String CONTAINERS =
      "mov,mp4,matroska,webm,avi,gif,apng,mpeg,mpegts,mpegvideo,flv,asf,h264,hevc,ivf,nut,"
          + "wav,w64,mp3,flac,ogg,aac,aiff,au,caf,ac3,amr,"
          + "webp_pipe";

  private final Path file;
  private final Kind kind;
  private final AVFormatContext input;
  private AVCodecContext codec = new AVCodecContext(null);
  private final AVPacket packet = av_packet_alloc();
  private final AVFrame frame = av_frame_alloc();
  private AVStream stream;
  private boolean drained;
  private int passedOver;

  // The last packet is not as long as its frame; that only matters where another one follows.
  private boolean isOdd;

  /// Opens the best stream of a kind; throws `InputException` when the file is missing, broken, too
  /// large a picture, or has no such stream.
  public Decoder(Path file, Kind kind) {
    this(file, kind, null);
  }

  /// Opens the pictures of a file that is known to be of a format, whatever its name says.
  public static Decoder ofFormat(Path file, String format) {
    Ffmpeg.require("read " + file);
    return new Decoder(file, Kind.PICTURES, av_find_input_format(format));
  }

  private Decoder(Path file, Kind kind, AVInputFormat format) {
    Ffmpeg.require("read " + file);
    InputFile.require(file, "a file with " + kind.word);
    this.file = file;
    this.kind = kind;
    this.input = avformat_alloc_context();
    try {
      open(format);
    } catch (InputException e) {
      close();
      throw e;
    }
  }

  private void open(AVInputFormat format) {
    AVDictionary options = new AVDictionary(null);
    av_dict_set(options, "format_whitelist", CONTAINERS, 0);
    av_dict_set(options, "protocol_whitelist", "file", 0);
    try (BytePointer address = Ffmpeg.address(file)) {
      check(avformat_open_input(input, address, format, options));
    } finally {
      av_dict_free(options);
    }
    check(avformat_find_stream_info(input, (AVDictionary) null));
    int index = av_find_best_stream(input, kind.type, -1, -1, (AVCodec) null, 0);
    if (index < 0) {
      throw new InputException("%s holds no %s; give a file that does".formatted(file, kind.word));
    }
    stream = input.streams(index);
    AVCodecParameters parameters = stream.codecpar();
    if (kind == Kind.PICTURES) {
      PictureLimits.check(file, parameters.width(), parameters.height());
    }
    AVCodec decoder = avcodec_find_decoder(parameters.codec_id());
    if (decoder == null) {
      throw Ffmpeg.missing("decoder for the %s of %s".formatted(kind.word, file));
    }
    codec = avcodec_alloc_context3(decoder);
    check(avcodec_parameters_to_context(codec, parameters));
    codec.max_pixels(PictureLimits.MOST_PIXELS);
    if (format != null || parameters.codec_id() == AV_CODEC_ID_FFV1) {
      // Still pictures and our own lossless files are whole or refused; other videos may have
      // flaws.
      codec.err_recognition(AV_EF_CRCCHECK | AV_EF_EXPLODE);
    }
    codec.pkt_timebase(stream.time_base());
    check(avcodec_open2(codec, decoder, (AVDictionary) null));
  }

  /// Returns the file's container.
  public AVFormatContext input() {
    return input;
  }

  /// Says whether the file holds a stream of a kind.
  public boolean has(Kind wanted) {
    return av_find_best_stream(input, wanted.type, -1, -1, (AVCodec) null, 0) >= 0;
  }

  /// Returns the stream.
  public AVStream stream() {
    return stream;
  }

  /// Returns the opened codec.
  public AVCodecContext codec() {
    return codec;
  }

  /// Returns how often data were damaged and passed over since `forgetPassedOver` was called.
  int passedOver() {
    return passedOver;
  }

  /// Makes `passedOver` begin anew.
  void forgetPassedOver() {
    passedOver = 0;
  }

  /// Returns the next frame, valid until the next call, or null at the end.
  public AVFrame next() {
    while (true) {
      int code = avcodec_receive_frame(codec, frame);
      if (code == AVERROR_EOF) {
        return null;
      }
      if (code == AVERROR_INVALIDDATA && kind == Kind.SOUND) {
        passedOver++;
        continue;
      }
      if (code != Ffmpeg.AGAIN) {
        check(code);
        return frame;
      }
      if (drained) {
        return null;
      }
      feed();
    }
  }

  /// Gives the codec the stream's next packet, or tells it that there is none.
  private void feed() {
    while (true) {
      int code = av_read_frame(input, packet);
      if (code == AVERROR_EOF) {
        drained = true;
        check(avcodec_send_packet(codec, null));
        return;
      }
      check(code);
      try {
        if (packet.stream_index() == stream.index()) {
          passedOver += isOdd ? 1 : 0;
          isOdd = isOdd();
          int sent = avcodec_send_packet(codec, packet);
          // Sound files often begin or end with a damaged packet, which players pass over.
          if (sent == AVERROR_INVALIDDATA && kind == Kind.SOUND) {
            passedOver++;
          } else {
            check(sent);
          }
          return;
        }
      } finally {
        av_packet_unref(packet);
      }
    }
  }

  private boolean isOdd() {
    if (stream.codecpar().codec_id() != AV_CODEC_ID_MP3 || packet.size() < 4) {
      return false;
    }
    int header = Ffmpeg.buffer(packet.data(), 4).order(ByteOrder.BIG_ENDIAN).getInt(0);
    int expected = Mp3Frame.bytes(header);
    return expected != Mp3Frame.UNKNOWN && expected != packet.size();
  }

  /// Throws `InputException` for a negative code of FFmpeg and returns any other.
  public int check(int code) {
    if (code < 0) {
      throw new InputException(
          "cannot read the %s of %s: %s; give a whole file of a usual format"
              .formatted(kind.word, file, Ffmpeg.text(code)));
    }
    return code;
  }

  @Override
  public void close() {
    av_frame_free(frame);
    av_packet_free(packet);
    if (!codec.isNull()) {
      avcodec_free_context(codec);
    }
    if (!input.isNull()) {
      avformat_close_input(input);
    }
  }
}
