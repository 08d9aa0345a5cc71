package wan4j.media;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.media.ffmpeg.SoundDecoder;
import wan4j.tensor.InputException;

/// Reads the sound of any usual sound or video file.
///
/// Damaged data at the beginning or the end of a file are passed over, as players do. Damage in the
/// middle is refused: what follows would come too early.
public final class SoundReader {
  private static final int MOST_SAMPLES = 1 << 28;
  private static final int SPEECH_RATE = 16_000;
  private static final int SPEECH_BLOCK = 1 << 16;

  /// The samples that the first feature of wav2vec2 covers.
  private static final int LEAST_SPEECH = 400;

  private SoundReader() {}

  /// Reads all channels at the file's own rate; throws `InputException` when the file is missing,
  /// broken, too long or holds no sound.
  public static Sound read(Path file) {
    try (SoundDecoder decoder = new SoundDecoder(file)) {
      Growing[] channels = new Growing[decoder.channels()];
      Arrays.setAll(channels, i -> new Growing());
      while (decoder.next()) {
        for (int i = 0; i < channels.length; i++) {
          channels[i].add(decoder.samples(i), decoder.count());
        }
        if (channels[0].length * channels.length > MOST_SAMPLES) {
          throw new InputException(
              "the sound of %s is longer than %d samples; give a shorter file"
                  .formatted(file, MOST_SAMPLES / channels.length));
        }
      }
      return Sound.of(
          decoder.rate(), Arrays.stream(channels).map(Growing::whole).toArray(float[][]::new));
    }
  }

  /// Reads the mean of all channels at 16 kHz, as speech models want it, of files of many hours
  /// too; throws `InputException` as `read` does, and when there is less than 1/40 of a second.
  public static float[] readSpeech(Path file) {
    // The reference too takes the mean first and changes the rate after.
    Growing speech = new Growing();
    long count = 0;
    try (SoundDecoder decoder = new SoundDecoder(file)) {
      SoundResampler resampler = new SoundResampler(decoder.rate(), SPEECH_RATE);
      float[] block = new float[0];
      int held = 0;
      while (decoder.next()) {
        float[] mean = mean(decoder);
        count += mean.length;
        if (held + mean.length > block.length) {
          speech.add(resampler.add(block, held));
          held = 0;
          block = Arrays.copyOf(block, Math.max(SPEECH_BLOCK, mean.length));
        }
        System.arraycopy(mean, 0, block, held, mean.length);
        held += mean.length;
      }
      speech.add(resampler.add(block, held));
      speech.add(resampler.finish());
    }
    if (speech.length < LEAST_SPEECH) {
      throw new InputException(
          "%s holds %d samples of sound, less than the %d ms that speech needs; give a longer sound"
              .formatted(file, count, LEAST_SPEECH * 1000 / SPEECH_RATE));
    }
    return speech.whole();
  }

  /// Reads the same as a sound.
  public static Sound speech(Path file) {
    return Sound.over(SPEECH_RATE, readSpeech(file));
  }

  private static float[] mean(SoundDecoder decoder) {
    if (decoder.channels() == 1) {
      return Arrays.copyOf(decoder.samples(0), decoder.count());
    }
    double[] sums = new double[decoder.count()];
    for (int channel = 0; channel < decoder.channels(); channel++) {
      float[] samples = decoder.samples(channel);
      for (int i = 0; i < sums.length; i++) {
        sums[i] += samples[i];
      }
    }
    float[] mean = new float[sums.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sums[i] / decoder.channels());
    }
    return mean;
  }

  /// Samples in blocks, as many as come.
  private static final class Growing {
    private static final int BLOCK = 1 << 20;

    private final List<float[]> blocks = new ArrayList<>();
    private long length;

    void add(float[] samples) {
      add(samples, samples.length);
    }

    void add(float[] samples, int count) {
      int done = 0;
      while (done < count) {
        int at = (int) (length % BLOCK);
        if (at == 0) {
          blocks.add(new float[BLOCK]);
        }
        int part = Math.min(BLOCK - at, count - done);
        System.arraycopy(samples, done, blocks.getLast(), at, part);
        done += part;
        length += part;
      }
    }

    /// Returns the samples in one piece and forgets them.
    float[] whole() {
      float[] whole = new float[Math.toIntExact(length)];
      for (int i = 0; i < blocks.size(); i++) {
        int part = Math.min(BLOCK, whole.length - i * BLOCK);
        System.arraycopy(blocks.set(i, null), 0, whole, i * BLOCK, part);
      }
      blocks.clear();
      return whole;
    }
  }
}
