package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_FLT;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_FLTP;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_copy;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_default;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_get_buffer;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_make_writable;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import wan4j.media.Sound;
import wan4j.tensor.InputException;

/// The sound of an mp4 file as AAC, or of an mkv file as 32-bit floats.
public final class SoundStream implements SoundTrack {
  private static final int SAMPLES = 1024;
  private static final int MOST_CHANNELS = 8;
  private static final int BITS_PER_CHANNEL = 128_000;

  private final Muxer muxer;
  private final Encoder encoder;
  private final AVFrame frame;
  private final Sound sound;
  private final boolean planar;
  private int written;

  private SoundStream(Muxer muxer, Encoder encoder, Sound sound) {
    this.muxer = muxer;
    this.encoder = encoder;
    this.sound = sound;
    AVCodecContext codec = encoder.codec();
    planar = codec.sample_fmt() == AV_SAMPLE_FMT_FLTP;
    frame = av_frame_alloc();
    frame.format(codec.sample_fmt());
    frame.sample_rate(codec.sample_rate());
    frame.nb_samples(SAMPLES);
    av_channel_layout_copy(frame.ch_layout(), codec.ch_layout());
    muxer.check(av_frame_get_buffer(frame, 0));
  }

  /// Opens a stream of AAC; a rate that AAC does not have becomes 48 kHz.
  public static SoundStream aac(Muxer muxer, Sound sound) {
    boolean usual =
        switch (sound.rate()) {
          case 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000 ->
              true;
          default -> false;
        };
    Sound fitting = usual ? sound : sound.at(48_000);
    Encoder encoder = new Encoder(muxer, "aac");
    encoder.codec().bit_rate((long) BITS_PER_CHANNEL * sound.channels());
    return open(muxer, encoder, fitting, AV_SAMPLE_FMT_FLTP);
  }

  /// Opens a stream of the samples themselves.
  public static SoundStream lossless(Muxer muxer, Sound sound) {
    return open(muxer, new Encoder(muxer, "pcm_f32le"), sound, AV_SAMPLE_FMT_FLT);
  }

  private static SoundStream open(Muxer muxer, Encoder encoder, Sound sound, int sampleFormat) {
    if (sound.channels() > MOST_CHANNELS) {
      encoder.close();
      throw new InputException(
          "cannot write sound of %d channels; mix it to at most %d"
              .formatted(sound.channels(), MOST_CHANNELS));
    }
    AVCodecContext codec = encoder.codec();
    codec.sample_fmt(sampleFormat);
    codec.sample_rate(sound.rate());
    codec.time_base(new AVRational().num(1).den(sound.rate()));
    av_channel_layout_default(codec.ch_layout(), sound.channels());
    encoder.open(Map.of());
    return new SoundStream(muxer, encoder, sound);
  }

  @Override
  public void addUntil(double seconds) {
    int end = (int) Math.min(sound.length(), Math.round(seconds * sound.rate()));
    while (written < end) {
      int count = Math.min(SAMPLES, end - written);
      // Codecs take short frames only as the last; the rest waits for the next call.
      if (count < SAMPLES && end < sound.length()) {
        return;
      }
      add(count);
    }
  }

  @Override
  public void finish(double seconds) {
    addUntil(seconds);
    int end = (int) Math.min(sound.length(), Math.round(seconds * sound.rate()));
    if (written < end) {
      add(end - written);
    }
    encoder.finish();
  }

  private void add(int count) {
    muxer.check(av_frame_make_writable(frame));
    int channels = sound.channels();
    float[] samples = new float[count];
    for (int channel = 0; channel < channels; channel++) {
      sound.copyTo(channel, written, samples, count);
      long bytes = 4L * SAMPLES * (planar ? 1 : channels);
      FloatBuffer target =
          Ffmpeg.buffer(planar ? frame.extended_data(channel) : frame.data(0), bytes)
              .order(ByteOrder.LITTLE_ENDIAN)
              .asFloatBuffer();
      for (int i = 0; i < count; i++) {
        target.put(planar ? i : i * channels + channel, samples[i]);
      }
    }
    frame.nb_samples(count);
    frame.pts(written);
    written += count;
    encoder.encode(frame);
  }

  @Override
  public void close() {
    av_frame_free(frame);
    encoder.close();
  }
}
