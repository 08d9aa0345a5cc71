package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Frames of a video at about another rate, by the reference's rule.
final class SampledVideoTest {
  private static final int COUNT = 12;

  @TempDir Path folder;

  /// Writes frames of which each is of one grey, its number.
  private Path numbered(double framesPerSecond) {
    byte[] pixels = new byte[COUNT * 16 * 16 * 3];
    for (int i = 0; i < COUNT; i++) {
      Arrays.fill(pixels, i * 768, (i + 1) * 768, (byte) (20 * i));
    }
    Path file = folder.resolve("a.mkv");
    VideoWriter.write(
        Tensor.of(pixels, COUNT, 16, 16, 3), file, VideoSettings.silent(framesPerSecond));
    return file;
  }

  private static List<Integer> numbers(List<Picture> frames) {
    return frames.stream().map(frame -> (frame.rgb()[0] & 0xFF) / 20).toList();
  }

  /// 24 and 40 frames a second lie between two intervals; Python's `round` takes the even one.
  @ParameterizedTest
  @CsvSource({"8, 1", "16, 1", "23, 1", "24, 2", "25, 2", "30, 2", "40, 2", "48, 3", "60, 4"})
  void everySoManyFramesAreTaken(double framesPerSecond, int interval) {
    SampledVideo video = SampledVideo.of(numbered(framesPerSecond), 16);
    assertThat(video.interval()).isEqualTo(interval);
    assertThat(numbers(video.frames(0, 3))).containsExactly(0, interval, 2 * interval);
  }

  @Test
  void laterFramesAreFoundAndFewerGivenAtTheEnd() {
    SampledVideo video = SampledVideo.of(numbered(32), 16);
    assertThat(numbers(video.frames(3, 2))).containsExactly(6, 8);
    assertThat(numbers(video.frames(4, 10))).containsExactly(8, 10);
    assertThat(video.frames(6, 2)).isEmpty();
  }

  @Test
  void aFileWithoutAPictureIsRefused() {
    assertThatThrownBy(() -> SampledVideo.of(Path.of("src/test/resources/sound/tone.flac"), 16))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("tone.flac");
  }
}
