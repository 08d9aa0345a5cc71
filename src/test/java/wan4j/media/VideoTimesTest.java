package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

class VideoTimesTest {
  @TempDir Path folder;

  @Test
  void aVideoHasItsTimesItsSizeAndWhetherThereIsSound() {
    Path silent = video("silent.mp4", Sound.NONE);
    VideoTimes times = VideoTimes.of(silent);
    assertThat(times.count()).isEqualTo(5);
    assertThat(times.framesPerSecond()).isEqualTo(25);
    assertThat(times.seconds()[4] - times.seconds()[0]).isEqualTo(0.16);
    assertThat(times.width()).isEqualTo(64);
    assertThat(times.height()).isEqualTo(32);
    assertThat(times.quarterTurns()).isZero();
    assertThat(times.isVariable()).isFalse();
    assertThat(times.hasSound()).isFalse();
    Path sounding = video("sounding.mp4", Sound.of(16_000, new float[4_000]));
    assertThat(VideoTimes.of(sounding).hasSound()).isTrue();
  }

  @Test
  void aVideoThatACameraTurnedIsUpright() throws IOException {
    Path file = video("turned.mp4", Sound.NONE);
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
    int track = new String(bytes.array(), StandardCharsets.ISO_8859_1).indexOf("tkhd");
    int matrix = track + 4 + 40; // after version, times, number, length, layer and volume
    assertThat(bytes.getInt(matrix)).isEqualTo(1 << 16);
    int[] quarterTurn = {0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30};
    for (int i = 0; i < quarterTurn.length; i++) {
      bytes.putInt(matrix + i * 4, quarterTurn[i]);
    }
    Files.write(file, bytes.array());
    VideoTimes times = VideoTimes.of(file);
    assertThat(times.quarterTurns()).isEqualTo(1);
    assertThat(times.width()).isEqualTo(32);
    assertThat(times.height()).isEqualTo(64);
    assertThat(VideoReader.read(file).frames().shape().toArray()).containsExactly(5, 64, 32, 3);
  }

  private Path video(String name, Sound sound) {
    Path file = folder.resolve(name);
    Tensor frames = Tensor.zeros(DType.U8, Shape.of(5, 32, 64, 3));
    VideoWriter.write(frames, file, new VideoSettings(25, 18, sound));
    return file;
  }

  @Test
  void framesOfAVariableRateAreTakenByTheirTimes() {
    double[] seconds = {0, 0.1, 0.2, 0.3, 1.0, 1.1};
    VideoTimes uneven = new VideoTimes(seconds, 5, 64, 32, 0, false);
    assertThat(uneven.isVariable()).isTrue();
    assertThat(uneven.at(10)).containsExactly(0, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5);
    double[] even = {0, 0.2, 0.4, 0.6, 0.8, 1.0};
    VideoTimes steady = new VideoTimes(even, 5, 64, 32, 0, false);
    assertThat(steady.isVariable()).isFalse();
    assertThat(steady.at(10)).containsExactly(0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 5);
  }

  @Test
  void aFrameIsLeftOfAVideoThatIsShorterThanOne() {
    assertThat(new VideoTimes(new double[1], 30, 64, 32, 0, false).at(16)).containsExactly(0);
  }
}
