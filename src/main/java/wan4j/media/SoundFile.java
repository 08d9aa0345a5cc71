package wan4j.media;

import java.nio.file.Path;
import java.util.Arrays;
import wan4j.media.ffmpeg.SoundDecoder;

/// The sound of a sound or video file from a moment on, which is read while the video is written.
///
/// @param file whose sound it is
/// @param start where it begins, in seconds from the file's start
public record SoundFile(Path file, double start) implements Soundtrack {
  @Override
  public boolean isNone() {
    return false;
  }

  @Override
  public SoundBlocks open() {
    return new Blocks(new SoundDecoder(file), start);
  }

  private static final class Blocks implements SoundBlocks {
    private final SoundDecoder decoder;
    private long passed; // samples that are still passed over

    Blocks(SoundDecoder decoder, double start) {
      this.decoder = decoder;
      passed = Math.round(start * decoder.rate());
    }

    @Override
    public int rate() {
      return decoder.rate();
    }

    @Override
    public int channels() {
      return decoder.channels();
    }

    @Override
    public float[][] next() {
      while (decoder.next()) {
        int count = decoder.count();
        if (passed >= count) {
          passed -= count;
          continue;
        }
        int from = (int) passed;
        passed = 0;
        float[][] block = new float[channels()][];
        for (int i = 0; i < block.length; i++) {
          block[i] = Arrays.copyOfRange(decoder.samples(i), from, count);
        }
        return block;
      }
      return null;
    }

    @Override
    public void close() {
      decoder.close();
    }
  }
}
