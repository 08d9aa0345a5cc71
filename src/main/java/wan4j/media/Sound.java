package wan4j.media;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Sound as float samples, mostly in [-1, 1], one array a channel; immutable.
public final class Sound implements Soundtrack {
  private static final int BLOCK = 1 << 16;

  /// No sound at all.
  public static final Sound NONE = new Sound(1, new float[0][]);

  private final int rate;
  private final float[][] channels;

  private Sound(int rate, float[][] channels) {
    this.rate = rate;
    this.channels = channels;
  }

  /// Creates sound of `rate` samples a second over copies of the channels; throws
  /// `IllegalArgumentException` when there is none, they differ in length or the rate is not
  /// positive.
  public static Sound of(int rate, float[]... channels) {
    if (rate < 1 || channels.length == 0) {
      throw new IllegalArgumentException(
          "got sound of %d channels at %d Hz; both must be at least 1"
              .formatted(channels.length, rate));
    }
    float[][] copies = new float[channels.length][];
    for (int i = 0; i < copies.length; i++) {
      if (channels[i].length != channels[0].length) {
        throw new IllegalArgumentException(
            "channels of %d and %d samples do not make one sound; give equal lengths"
                .formatted(channels[0].length, channels[i].length));
      }
      copies[i] = channels[i].clone();
    }
    return new Sound(rate, copies);
  }

  /// Creates sound over the channel itself, which is left alone from then on.
  static Sound over(int rate, float[] channel) {
    return new Sound(rate, new float[][] {channel});
  }

  /// Returns the samples a second.
  public int rate() {
    return rate;
  }

  /// Returns the number of channels.
  public int channels() {
    return channels.length;
  }

  /// Returns the number of samples of each channel.
  public int length() {
    return channels.length == 0 ? 0 : channels[0].length;
  }

  /// Returns the length in seconds.
  public double seconds() {
    return (double) length() / rate;
  }

  /// Returns a copy of one channel's samples.
  public float[] channel(int index) {
    return channels[index].clone();
  }

  /// Returns one channel's samples as a host tensor `[length]` that cannot be written, without a
  /// copy.
  public Tensor samples(int index) {
    MemorySegment own = MemorySegment.ofArray(channels[index]).asReadOnly();
    return new Tensor(Shape.of(length()), DType.F32, new HostStorage(own));
  }

  @Override
  public boolean isNone() {
    return length() == 0;
  }

  @Override
  public SoundBlocks open() {
    return new Blocks(this);
  }

  private static final class Blocks implements SoundBlocks {
    private final Sound sound;
    private int given;

    Blocks(Sound sound) {
      this.sound = sound;
    }

    @Override
    public int rate() {
      return sound.rate;
    }

    @Override
    public int channels() {
      return sound.channels.length;
    }

    @Override
    public float[][] next() {
      if (given == sound.length()) {
        return null;
      }
      int first = given;
      given = Math.min(sound.length(), given + BLOCK);
      return Arrays.stream(sound.channels)
          .map(channel -> Arrays.copyOfRange(channel, first, given))
          .toArray(float[][]::new);
    }

    @Override
    public void close() {}
  }

  /// Returns the mean of all channels as one.
  public Sound mono() {
    if (channels.length < 2) {
      return this;
    }
    float[] mean = new float[length()];
    for (int i = 0; i < mean.length; i++) {
      double sum = 0;
      for (float[] channel : channels) {
        sum += channel[i];
      }
      mean[i] = (float) (sum / channels.length);
    }
    return new Sound(rate, new float[][] {mean});
  }

  /// Returns the sound at another rate, with `ceil(length * to / from)` samples.
  public Sound at(int rate) {
    if (rate == this.rate || channels.length == 0) {
      return this;
    }
    float[][] resampled = new float[channels.length][];
    for (int i = 0; i < resampled.length; i++) {
      resampled[i] = SoundResampler.resample(channels[i], this.rate, rate);
    }
    return new Sound(rate, resampled);
  }
}
