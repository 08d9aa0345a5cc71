package wan4j.media;

import java.util.stream.Stream;

/// Blocks of a sound at another rate.
final class ResampledBlocks implements SoundBlocks {
  private final SoundBlocks source;
  private final int rate;
  private final SoundResampler[] channels;
  private boolean isAtEnd;

  ResampledBlocks(SoundBlocks source, int rate) {
    this.source = source;
    this.rate = rate;
    channels =
        Stream.generate(() -> new SoundResampler(source.rate(), rate))
            .limit(source.channels())
            .toArray(SoundResampler[]::new);
  }

  @Override
  public int rate() {
    return rate;
  }

  @Override
  public int channels() {
    return channels.length;
  }

  @Override
  public float[][] next() {
    if (isAtEnd) {
      return null;
    }
    float[][] block = source.next();
    isAtEnd = block == null;
    float[][] made = new float[channels.length][];
    for (int i = 0; i < made.length; i++) {
      made[i] = isAtEnd ? channels[i].finish() : channels[i].add(block[i], block[i].length);
    }
    return made;
  }

  @Override
  public void close() {
    source.close();
  }
}
