package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The sound of a file that is read while a video is written, beside the same sound in memory.
final class SoundFileTest {
  @TempDir Path folder;

  @Test
  void aFileGivesTheSamplesOfItsSoundFromAMomentOn() {
    Sound sound = noise(1, 44_100, 3 * 44_100);
    Path file = folder.resolve("a.mkv");
    VideoWriter.write(
        VideoRoundTripTest.moving(48, 16, 16), file, new VideoSettings(16, 18, sound));
    assertThat(all(new SoundFile(file, 0).open()).getFirst())
        .isEqualTo(all(sound.open()).getFirst())
        .isEqualTo(sound.channel(0));
    float[] whole = sound.channel(0);
    float[] late = all(new SoundFile(file, 0.1875).open()).getFirst();
    assertThat(late).hasSize(whole.length - 8269);
    assertThat(late[0]).isEqualTo(whole[8269]);
    assertThat(late[late.length - 1]).isEqualTo(whole[whole.length - 1]);
    assertThat(all(new SoundFile(file, 4).open()).getFirst()).isEmpty();
  }

  @Test
  void aVideoOfALongerFileEndsWithThePicturesAndOfAShorterOneWithTheSound() {
    Path file = folder.resolve("a.mkv");
    VideoWriter.write(
        VideoRoundTripTest.moving(32, 16, 16),
        file,
        new VideoSettings(16, 18, noise(2, 11_111, 2 * 11_111)));
    for (String name : new String[] {"b.mp4", "b.mkv"}) {
      Path video = folder.resolve(name);
      VideoWriter.write(
          VideoRoundTripTest.moving(8, 16, 16),
          video,
          new VideoSettings(16, 18, new SoundFile(file, 1)));
      assertThat(VideoReader.read(video).frames().length(0)).as(name).isEqualTo(8);
      assertThat(SoundReader.read(video).seconds()).as(name).isBetween(0.5, 0.53);
      VideoWriter.write(
          VideoRoundTripTest.moving(32, 16, 16),
          video,
          new VideoSettings(16, 18, new SoundFile(file, 1.5)));
      assertThat(VideoReader.read(video).frames().length(0)).as(name).isEqualTo(8);
    }
  }

  private static Sound noise(int channels, int rate, int length) {
    float[][] samples = new float[channels][length];
    Random random = new Random(rate);
    for (float[] channel : samples) {
      for (int i = 0; i < length; i++) {
        channel[i] = random.nextFloat() - 0.5f;
      }
    }
    return Sound.of(rate, samples);
  }

  /// Returns all samples, channel by channel.
  private static List<float[]> all(SoundBlocks blocks) {
    List<float[]> channels = new ArrayList<>();
    for (int i = 0; i < blocks.channels(); i++) {
      channels.add(new float[0]);
    }
    try (blocks) {
      for (float[][] block = blocks.next(); block != null; block = blocks.next()) {
        for (int i = 0; i < block.length; i++) {
          float[] before = channels.get(i);
          float[] joined = Arrays.copyOf(before, before.length + block[i].length);
          System.arraycopy(block[i], 0, joined, before.length, block[i].length);
          channels.set(i, joined);
        }
      }
    }
    return channels;
  }
}
