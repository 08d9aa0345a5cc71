package wan4j.media;

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
import java.util.Arrays;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import wan4j.media.ffmpeg.Decoder;
import wan4j.media.ffmpeg.Ffmpeg;
import wan4j.tensor.InputException;

/// Reads the sound of any usual sound or video file.
public final class SoundReader {
  private static final int MOST_SAMPLES = 1 << 28;

  private SoundReader() {}

  /// Reads all channels at the file's own rate; throws `InputException` when the file is missing,
  /// broken, too long or holds no sound.
  public static Sound read(Path file) {
    Growing samples = new Growing(file);
    int rate;
    try (Decoder decoder = new Decoder(file, Decoder.Kind.SOUND)) {
      rate = decoder.codec().sample_rate();
      for (AVFrame frame = decoder.next(); frame != null; frame = decoder.next()) {
        samples.add(frame);
      }
    }
    if (samples.length == 0 || rate < 1) {
      throw new InputException("%s holds no sound; give a file that does".formatted(file));
    }
    return Sound.of(rate, samples.channels());
  }

  /// Reads the mean of all channels at 16 kHz, as speech models want it; throws `InputException` as
  /// `read` does.
  public static float[] readSpeech(Path file) {
    // The reference too takes the mean first and changes the rate after.
    return read(file).mono().at(16_000).channel(0);
  }

  /// Samples of each channel, as many as come.
  private static final class Growing {
    private final Path file;
    private float[][] values = new float[0][];
    private int length;

    Growing(Path file) {
      this.file = file;
    }

    void add(AVFrame frame) {
      int channels = frame.ch_layout().nb_channels();
      int count = frame.nb_samples();
      if (length == 0) {
        values = new float[channels][Math.max(count, 1 << 16)];
      }
      if (channels != values.length) {
        throw new InputException(
            "the sound of %s changes from %d to %d channels; give a file of one kind"
                .formatted(file, values.length, channels));
      }
      if (((long) length + count) * channels > MOST_SAMPLES) {
        throw new InputException(
            "the sound of %s is longer than %d samples; give a shorter file"
                .formatted(file, MOST_SAMPLES / channels));
      }
      for (int channel = 0; channel < channels; channel++) {
        if (length + count > values[channel].length) {
          values[channel] =
              Arrays.copyOf(values[channel], Math.max(length + count, 2 * values[channel].length));
        }
        convert(frame, channel, values[channel], length);
      }
      length += count;
    }

    /// Reads one channel of a frame as floats, whole numbers scaled to [-1, 1).
    private static void convert(AVFrame frame, int channel, float[] target, int at) {
      boolean planar = av_sample_fmt_is_planar(frame.format()) != 0;
      int type = av_get_packed_sample_fmt(frame.format());
      int size = av_get_bytes_per_sample(type);
      int stride = planar ? 1 : frame.ch_layout().nb_channels();
      int first = planar ? 0 : channel;
      int count = frame.nb_samples();
      ByteBuffer source =
          Ffmpeg.buffer(frame.extended_data(planar ? channel : 0), (long) size * stride * count)
              .order(ByteOrder.nativeOrder());
      for (int i = 0; i < count; i++) {
        int offset = (i * stride + first) * size;
        target[at + i] =
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

    float[][] channels() {
      return Arrays.stream(values)
          .map(channel -> Arrays.copyOf(channel, length))
          .toArray(float[][]::new);
    }
  }
}
