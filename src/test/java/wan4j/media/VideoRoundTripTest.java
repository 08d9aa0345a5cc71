package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

final class VideoRoundTripTest {
  @TempDir Path folder;

  @Test
  void h264KeepsCountOrderAndNearlyTheColours() {
    Tensor frames = moving(17, 96, 128);
    Path file = folder.resolve("a.mp4");
    VideoWriter.write(frames, file, VideoSettings.silent(16));
    Clip back = VideoReader.read(file);
    assertThat(back.framesPerSecond()).isEqualTo(16);
    assertThat(back.frames().shape()).isEqualTo(frames.shape());
    for (int i = 0; i < 17; i++) {
      assertThat(decibels(bytes(frames.at(i)), bytes(back.frames().at(i))))
          .as("frame %d", i)
          .isGreaterThan(36);
    }
    assertThat(entries()).containsExactly("a.mp4");
  }

  @Test
  void anMp4BeginsWithItsIndexSoThatItPlaysWhileItLoads() throws IOException {
    Path file = folder.resolve("a.mp4");
    VideoWriter.write(moving(5, 32, 32), file, VideoSettings.silent(24));
    String text =
        new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1);
    assertThat(text.indexOf("moov")).isPositive().isLessThan(text.indexOf("mdat"));
  }

  @Test
  void aHigherRateFactorMakesASmallerFile() throws IOException {
    Tensor frames = moving(9, 96, 128);
    Path fine = folder.resolve("fine.mp4");
    Path coarse = folder.resolve("coarse.mp4");
    VideoWriter.write(frames, fine, new VideoSettings(16, 5, Sound.NONE));
    VideoWriter.write(frames, coarse, new VideoSettings(16, 40, Sound.NONE));
    assertThat(Files.size(coarse)).isLessThan(Files.size(fine) / 2);
  }

  @Test
  void evenNoiseIsEncoded() {
    byte[] noise = new byte[5 * 64 * 96 * 3];
    new java.util.Random(1).nextBytes(noise);
    Path file = folder.resolve("a.mp4");
    VideoWriter.write(Tensor.of(noise, 5, 64, 96, 3), file, new VideoSettings(16, 0, Sound.NONE));
    assertThat(VideoReader.read(file).frames().length(0)).isEqualTo(5);
    assertThat(entries()).containsExactly("a.mp4");
  }

  @Test
  void ffv1IsEqualToTheBitEvenAtOddSizes() {
    Tensor frames = moving(5, 33, 47);
    Path file = folder.resolve("a.mkv");
    VideoWriter.write(frames, file, VideoSettings.silent(23.976));
    Clip back = VideoReader.read(file);
    assertThat(bytes(back.frames())).isEqualTo(bytes(frames));
    assertThat(back.framesPerSecond()).isCloseTo(23.976, within(1e-3));
  }

  @Test
  void aGifKeepsCountAndRateAndRoughlyTheColours() {
    Tensor frames = moving(10, 48, 64);
    Path file = folder.resolve("a.gif");
    VideoWriter.write(frames, file, VideoSettings.silent(10));
    Clip back = VideoReader.read(file);
    assertThat(back.frames().shape()).isEqualTo(frames.shape());
    assertThat(back.framesPerSecond()).isCloseTo(10, within(0.1));
    for (int i = 0; i < 10; i++) {
      assertThat(decibels(bytes(frames.at(i)), bytes(back.frames().at(i)))).isGreaterThan(20);
    }
  }

  /// Counts the frames and their milliseconds by WebP's own chunks (Google's "WebP Container
  /// Specification"): ANMF, whose duration is the 24 bits from byte 12 on.
  @Test
  void aWebpHasEveryFrameAndItsTime() throws IOException {
    Tensor frames = moving(10, 47, 65);
    Path file = folder.resolve("a.webp");
    VideoWriter.write(frames, file, VideoSettings.silent(10));
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(name(bytes, 0) + name(bytes, 8)).isEqualTo("RIFFWEBP");
    int count = 0;
    int milliseconds = 0;
    for (int at = 12; at < bytes.limit(); at += 8 + (bytes.getInt(at + 4) + 1) / 2 * 2) {
      if (name(bytes, at).equals("ANMF")) {
        count++;
        milliseconds += bytes.getInt(at + 8 + 12) & 0xFFFFFF;
      }
    }
    assertThat(count).isEqualTo(10);
    assertThat(milliseconds).isBetween(990, 1010);
  }

  private static String name(ByteBuffer bytes, int at) {
    byte[] name = new byte[4];
    bytes.get(at, name);
    return new String(name, StandardCharsets.US_ASCII);
  }

  @Test
  void aNameWithoutExtensionIsAFolderOfExactPictures() {
    Tensor frames = moving(3, 31, 17);
    Path target = folder.resolve("frames");
    VideoWriter.write(frames, target, VideoSettings.silent(16));
    for (int i = 0; i < 3; i++) {
      Picture picture = PictureReader.read(target.resolve("frame_0000%d.png".formatted(i)));
      assertThat(picture.rgb()).isEqualTo(bytes(frames.at(i)));
    }
    assertThatThrownBy(() -> VideoWriter.write(frames, target, VideoSettings.silent(16)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("exists already");
  }

  @Test
  void soundTravelsWithThePicturesAndIsCutToTheirLength() {
    float[] left = tone(440, 48_000, 96_000);
    float[] right = tone(880, 48_000, 96_000);
    Sound sound = Sound.of(48_000, left, right);
    for (String name : List.of("a.mp4", "a.mkv")) {
      Path file = folder.resolve(name);
      VideoWriter.write(moving(16, 32, 32), file, new VideoSettings(16, 20, sound));
      Sound back = SoundReader.read(file);
      assertThat(back.rate()).isEqualTo(48_000);
      assertThat(back.channels()).isEqualTo(2);
      assertThat(back.seconds()).as(name).isCloseTo(1.0, within(0.025));
      assertThat(similarity(back.channel(0), left)).as(name).isGreaterThan(0.99);
      assertThat(similarity(back.channel(1), right)).as(name).isGreaterThan(0.99);
      assertThat(VideoReader.read(file).frames().length(0)).isEqualTo(16);
    }
  }

  @Test
  void picturesEndWithASoundThatIsShorter() {
    Sound sound = Sound.of(16_000, tone(440, 16_000, 8_500));
    for (String name : List.of("a.mp4", "a.mkv")) {
      Path file = folder.resolve(name);
      VideoWriter.write(moving(16, 32, 32), file, new VideoSettings(16, 20, sound));
      // 0.53 s are eight and a half frames
      assertThat(VideoReader.read(file).frames().length(0)).as(name).isEqualTo(9);
      assertThat(SoundReader.read(file).seconds()).as(name).isCloseTo(0.53, within(0.07));
    }
  }

  @Test
  void aRateThatAacLacksIsConverted() {
    Sound sound = Sound.of(10_000, tone(500, 10_000, 10_000));
    Path file = folder.resolve("a.mp4");
    VideoWriter.write(moving(16, 32, 32), file, new VideoSettings(16, 20, sound));
    Sound back = SoundReader.read(file);
    assertThat(back.rate()).isEqualTo(48_000);
    assertThat(similarity(back.channel(0), tone(500, 48_000, 48_000))).isGreaterThan(0.99);
  }

  private static float[] tone(double hertz, int rate, int length) {
    float[] samples = new float[length];
    for (int i = 0; i < length; i++) {
      samples[i] = (float) (0.5 * Math.sin(2 * Math.PI * hertz * i / rate));
    }
    return samples;
  }

  /// The cosine of the angle between two sounds over their common length.
  private static double similarity(float[] a, float[] b) {
    double product = 0;
    double squareA = 0;
    double squareB = 0;
    for (int i = 0; i < Math.min(a.length, b.length); i++) {
      product += (double) a[i] * b[i];
      squareA += (double) a[i] * a[i];
      squareB += (double) b[i] * b[i];
    }
    return product / Math.sqrt(squareA * squareB);
  }

  private List<String> entries() {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(path -> path.getFileName().toString()).toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("cannot list " + folder, e);
    }
  }

  static byte[] bytes(Tensor tensor) {
    return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  static double decibels(byte[] a, byte[] b) {
    double error = 0;
    for (int i = 0; i < a.length; i++) {
      error += Math.pow((a[i] & 0xFF) - (b[i] & 0xFF), 2);
    }
    return 10 * Math.log10(255.0 * 255 * a.length / Math.max(error, 1e-9));
  }

  /// Smooth colours and a bright disc that moves to the right and down.
  static Tensor moving(int count, int height, int width) {
    byte[] rgb = new byte[count * height * width * 3];
    for (int t = 0, i = 0; t < count; t++) {
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          double distance =
              Math.hypot(x - width * (t + 1.0) / (count + 1), y - height * (t + 1.0) / (count + 1));
          double glow = 120 * Math.exp(-distance * distance / (width * 2.0));
          rgb[i++] = (byte) (int) (40 + 80.0 * x / width + glow);
          rgb[i++] = (byte) (int) (60 + 60.0 * y / height + glow);
          rgb[i++] = (byte) (int) (30 + 90.0 * t / count + glow / 2);
        }
      }
    }
    return Tensor.of(rgb, count, height, width, 3);
  }
}
