package wan4j.media.ffmpeg;

import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_DBL;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_FLT;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_S16;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_S32;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_S64;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_U8;
import static org.bytedeco.ffmpeg.global.avutil.av_get_bytes_per_sample;
import static org.bytedeco.ffmpeg.global.avutil.av_get_packed_sample_fmt;
import static org.bytedeco.ffmpeg.global.avutil.av_sample_fmt_is_planar;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import wan4j.tensor.InputException;

/// The sound of a file as floats, whole numbers scaled to [-1, 1), block by block.
public final class SoundDecoder implements AutoCloseable {
  private static final int MOST_DAMAGED_AT_END = 2;
  private static final int MOST_SAMPLES_PER_SECOND = 768_000;

  private final Path file;
  private final Decoder decoder;
  private final int rate;
  private AVFrame frame;
  private float[][] samples;
  private boolean isFirst = true;
  private long decoded;

  /// Opens the sound of a file; throws `InputException` when it is missing, broken, or has none.
  public SoundDecoder(Path file) {
    this.file = file;
    decoder = new Decoder(file, Decoder.Kind.SOUND);
    try {
      frame = decoder.next();
      if (frame == null) {
        throw new InputException("%s holds no sound; give a file that does".formatted(file));
      }
      rate = frame.sample_rate();
      if (rate < 1 || rate > MOST_SAMPLES_PER_SECOND) {
        throw new InputException(
            "the sound of %s has %d samples a second, expected at most %d; convert it first"
                .formatted(file, rate, MOST_SAMPLES_PER_SECOND));
      }
      samples = new float[frame.ch_layout().nb_channels()][0];
    } catch (InputException e) {
      decoder.close();
      throw e;
    }
  }

  /// Returns the samples a second.
  public int rate() {
    return rate;
  }

  /// Returns the number of channels.
  public int channels() {
    return samples.length;
  }

  /// Decodes the next block, or returns false at the end; throws `InputException` when the file is
  /// damaged in the middle or changes its kind.
  public boolean next() {
    if (!isFirst) {
      frame = decoder.next();
    }
    isFirst = false;
    int allowed = frame == null ? MOST_DAMAGED_AT_END : 0;
    if (decoded > 0 && decoder.passedOver() > allowed) {
      throw new InputException(
          "the sound of %s is damaged after %.1f s; give a whole file"
              .formatted(file, (double) decoded / rate));
    }
    if (frame == null) {
      return false;
    }
    decoder.forgetPassedOver();
    int channels = frame.ch_layout().nb_channels();
    if (channels != samples.length || frame.sample_rate() != rate) {
      throw new InputException(
          "the sound of %s changes from %d channels at %d Hz to %d at %d Hz; give a file of one kind"
              .formatted(file, samples.length, rate, channels, frame.sample_rate()));
    }
    for (int channel = 0; channel < channels; channel++) {
      convert(channel);
    }
    decoded += frame.nb_samples();
    return true;
  }

  /// Returns how many samples of each channel the block has.
  public int count() {
    return frame.nb_samples();
  }

  /// Returns the block's samples of one channel, perhaps in a longer array; valid until the next
  /// block.
  public float[] samples(int channel) {
    return samples[channel];
  }

  private void convert(int channel) {
    boolean planar = av_sample_fmt_is_planar(frame.format()) != 0;
    int type = av_get_packed_sample_fmt(frame.format());
    int size = av_get_bytes_per_sample(type);
    int stride = planar ? 1 : samples.length;
    int first = planar ? 0 : channel;
    int count = frame.nb_samples();
    if (samples[channel].length < count) {
      samples[channel] = new float[count];
    }
    float[] target = samples[channel];
    ByteBuffer source =
        Ffmpeg.buffer(frame.extended_data(planar ? channel : 0), (long) size * stride * count)
            .order(ByteOrder.nativeOrder());
    for (int i = 0; i < count; i++) {
      int offset = (i * stride + first) * size;
      target[i] =
          switch (type) {
            case AV_SAMPLE_FMT_U8 -> ((source.get(offset) & 0xFF) - 128) / 128f;
            case AV_SAMPLE_FMT_S16 -> source.getShort(offset) / 32768f;
            case AV_SAMPLE_FMT_S32 -> source.getInt(offset) / -(float) Integer.MIN_VALUE;
            case AV_SAMPLE_FMT_S64 -> source.getLong(offset) / -(float) Long.MIN_VALUE;
            case AV_SAMPLE_FMT_FLT -> source.getFloat(offset);
            case AV_SAMPLE_FMT_DBL -> (float) source.getDouble(offset);
            default -> throw new IllegalStateException("FFmpeg has no sample type " + type);
          };
    }
  }

  @Override
  public void close() {
    decoder.close();
  }
}
