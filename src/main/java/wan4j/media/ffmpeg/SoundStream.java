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
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import wan4j.media.SoundBlocks;
import wan4j.tensor.InputException;

/// The sound of an mp4 file as AAC, or of an mkv file as 32-bit floats.
public final class SoundStream implements SoundTrack {
  private static final int SAMPLES = 1024;
  private static final int MOST_CHANNELS = 8;

  /// What the reference asks for (Wan2.2 42bf4cf, wan/utils/utils.py, `merge_video_audio`).
  private static final int BITS_PER_SECOND = 192_000;

  private final Muxer muxer;
  private final Encoder encoder;
  private final AVFrame frame;
  private final SoundBlocks sound;
  private final boolean planar;
  private float[][] held; // samples that are read, of which `taken` are written
  private int taken;
  private long written;
  private boolean isAtEnd; // everything is read

  private SoundStream(Muxer muxer, Encoder encoder, SoundBlocks sound) {
    this.muxer = muxer;
    this.encoder = encoder;
    this.sound = sound;
    AVCodecContext codec = encoder.codec();
    planar = codec.sample_fmt() == AV_SAMPLE_FMT_FLTP;
    held = new float[sound.channels()][0];
    frame = av_frame_alloc();
    frame.format(codec.sample_fmt());
    frame.sample_rate(codec.sample_rate());
    frame.nb_samples(SAMPLES);
    av_channel_layout_copy(frame.ch_layout(), codec.ch_layout());
    muxer.check(av_frame_get_buffer(frame, 0));
  }

  /// Opens a stream of AAC, which closes the sound; a rate that AAC does not have becomes 48 kHz.
  public static SoundStream aac(Muxer muxer, SoundBlocks sound) {
    boolean usual =
        switch (sound.rate()) {
          case 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000 ->
              true;
          default -> false;
        };
    Encoder encoder = new Encoder(muxer, "aac");
    encoder.codec().bit_rate(BITS_PER_SECOND);
    return open(muxer, encoder, usual ? sound : sound.at(48_000), AV_SAMPLE_FMT_FLTP);
  }

  /// Opens a stream of the samples themselves, which closes the sound.
  public static SoundStream lossless(Muxer muxer, SoundBlocks sound) {
    return open(muxer, new Encoder(muxer, "pcm_f32le"), sound, AV_SAMPLE_FMT_FLT);
  }

  private static SoundStream open(
      Muxer muxer, Encoder encoder, SoundBlocks sound, int sampleFormat) {
    if (sound.channels() > MOST_CHANNELS) {
      encoder.close();
      sound.close();
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
  public boolean lastsBeyond(double seconds) {
    long end = (long) Math.floor(seconds * sound.rate()) + 1;
    return read(end) >= end;
  }

  @Override
  public void addUntil(double seconds) {
    add(seconds, SAMPLES);
  }

  @Override
  public void finish(double seconds) {
    add(seconds, 1);
    encoder.finish();
  }

  /// Adds frames up to a time. Codecs take a frame shorter than `least` only as the last one of the
  /// sound; else it waits for the next call.
  private void add(double seconds, int least) {
    long wanted = Math.round(seconds * sound.rate());
    while (true) {
      long end = Math.min(wanted, read(wanted + 1));
      int count = (int) Math.min(SAMPLES, end - written);
      boolean isLast = isAtEnd && written + count == read(wanted + 1);
      if (count < 1 || (count < least && !isLast)) {
        return;
      }
      add(count);
    }
  }

  /// Reads on until there are so many samples, and returns how many there are, those before
  /// included, as far as they are read.
  private long read(long end) {
    while (!isAtEnd && written + held[0].length - taken < end) {
      float[][] block = sound.next();
      isAtEnd = block == null;
      for (int i = 0; !isAtEnd && i < held.length; i++) {
        float[] rest = Arrays.copyOfRange(held[i], taken, held[i].length + block[i].length);
        System.arraycopy(block[i], 0, rest, rest.length - block[i].length, block[i].length);
        held[i] = rest;
      }
      taken = isAtEnd ? taken : 0;
    }
    return written + held[0].length - taken;
  }

  private void add(int count) {
    muxer.check(av_frame_make_writable(frame));
    int channels = sound.channels();
    for (int channel = 0; channel < channels; channel++) {
      long bytes = 4L * SAMPLES * (planar ? 1 : channels);
      FloatBuffer target =
          Ffmpeg.buffer(planar ? frame.extended_data(channel) : frame.data(0), bytes)
              .order(ByteOrder.LITTLE_ENDIAN)
              .asFloatBuffer();
      for (int i = 0; i < count; i++) {
        target.put(planar ? i : i * channels + channel, held[channel][taken + i]);
      }
    }
    frame.nb_samples(count);
    frame.pts(written);
    written += count;
    taken += count;
    encoder.encode(frame);
  }

  @Override
  public void close() {
    av_frame_free(frame);
    encoder.close();
    sound.close();
  }
}
