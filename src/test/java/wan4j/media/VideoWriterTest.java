package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

final class VideoWriterTest {
  @TempDir Path folder;

  private final Tensor frames = VideoRoundTripTest.moving(3, 32, 48);
  private final VideoSettings settings = VideoSettings.silent(16);

  @Test
  void anUnknownExtensionIsRefusedInOneSentence() {
    assertThatThrownBy(() -> VideoWriter.write(frames, folder.resolve("a.wmv"), settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.wmv")
        .hasMessageContaining(".mp4");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aMissingFolderIsKnownBeforeThereIsAVideo() {
    assertThatThrownBy(() -> VideoWriter.checkTarget(folder.resolve("none/a.mp4")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist; create it first");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.mp4", "a.mkv", "a.gif", "a.png"})
  void aTargetThatIsAFolderIsLeftAlone(String name) throws IOException {
    Path target = Files.createDirectory(folder.resolve(name));
    assertThatThrownBy(() -> VideoWriter.write(frames, target, settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a folder");
    assertThat(folder).isDirectoryNotContaining("glob:**.part");
  }

  @Test
  void oddSidesAndSoundInAGifAndManyFramesInAPictureAreRefused() {
    Tensor odd = VideoRoundTripTest.moving(2, 17, 32);
    VideoSettings loud = new VideoSettings(16, 20, Sound.of(8000, new float[800]));
    assertThatThrownBy(() -> VideoWriter.write(odd, folder.resolve("a.mp4"), settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("32x17");
    assertThatThrownBy(() -> VideoWriter.write(frames, folder.resolve("a.gif"), loud))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("sound");
    assertThatThrownBy(() -> VideoWriter.write(frames, folder.resolve("a.png"), settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("3 frames");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aFailureInTheMiddleLeavesTheOldFileAndNothingElse() throws IOException {
    Path target = Files.writeString(folder.resolve("a.mp4"), "old");
    // OpenH264 and x264 both refuse frames of more than 16,384 pixels in a row.
    Tensor tooWide = Tensor.of(new byte[16_640 * 2 * 3], 1, 2, 16_640, 3);
    assertThatThrownBy(() -> VideoWriter.write(tooWide, target, settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.mp4");
    assertThat(target).hasContent("old");
    assertThat(folder).isDirectoryNotContaining("glob:**.part");
  }

  /// The noise makes OpenH264 begin anew in the middle.
  @ParameterizedTest
  @ValueSource(strings = {"a.mp4", "a.mkv", "a.gif", "a.webp", "noise.mp4"})
  void piecesGiveTheFileOfTheWhole(String name) throws IOException {
    byte[] noise = new byte[7 * 64 * 96 * 3];
    new Random(3).nextBytes(noise);
    Tensor video =
        name.startsWith("noise")
            ? Tensor.of(noise, 7, 64, 96, 3)
            : VideoRoundTripTest.moving(7, 32, 48);
    Path whole = folder.resolve("whole-" + name);
    Path pieces = folder.resolve(name);
    VideoWriter.write(video, whole, settings);
    try (VideoWriter writer = VideoWriter.open(pieces, settings)) {
      writer.accept(video.slice(0, 1));
      writer.accept(video.slice(1, 4));
      writer.accept(video.slice(5, 2));
      writer.finish();
    }
    assertThat(pieces).hasSameBinaryContentAs(whole);
    assertThat(folder).isDirectoryNotContaining("glob:**.part");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.mp4", "a.mkv", "a.gif", "a.webp", "a.png", "a"})
  void aVideoThatIsNotFinishedLeavesNothing(String name) {
    try (VideoWriter writer = VideoWriter.open(folder.resolve(name), settings)) {
      writer.accept(frames.slice(0, 1));
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void framesOfAnotherSizeAndNoFramesAtAllAreRefused() {
    try (VideoWriter writer = VideoWriter.open(folder.resolve("a.mp4"), settings)) {
      assertThatThrownBy(writer::finish)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("at least one frame");
      writer.accept(frames);
      assertThatThrownBy(() -> writer.accept(VideoRoundTripTest.moving(1, 16, 16)))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aWholeVideoTakesThePlaceOfAnOldFile() throws IOException {
    Path target = Files.writeString(folder.resolve("a.mp4"), "old");
    VideoWriter.write(frames, target, settings);
    assertThat(VideoReader.read(target).frames().length(0)).isEqualTo(3);
  }

  @Test
  void oneFrameIsAPictureAndAVideo() {
    Tensor one = frames.slice(0, 1);
    VideoWriter.write(one, folder.resolve("a.png"), settings);
    VideoWriter.write(one, folder.resolve("a.mp4"), settings);
    assertThat(PictureReader.read(folder.resolve("a.png")).rgb())
        .isEqualTo(VideoRoundTripTest.bytes(one));
    assertThat(VideoReader.read(folder.resolve("a.mp4")).frames().length(0)).isEqualTo(1);
  }

  @Test
  void namesWithSpacesAccentsAndPercentSignsAreFiles() {
    Path target = folder.resolve("über: %05d 猫🐈.mp4");
    VideoWriter.write(frames, target, settings);
    assertThat(VideoReader.read(target).frames().length(0)).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.mp4", "a.mkv"})
  void aVideoCutShortIsRefusedInOneSentence(String name) throws IOException {
    Path target = folder.resolve(name);
    VideoWriter.write(VideoRoundTripTest.moving(20, 64, 64), target, settings);
    byte[] whole = Files.readAllBytes(target);
    for (int length : new int[] {0, 10, 200, whole.length / 2}) {
      Files.write(target, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> VideoReader.read(target))
          .as("%d bytes", length)
          .isInstanceOf(InputException.class)
          .hasMessageContaining(name);
    }
  }

  @Test
  void aPlaylistCannotOpenOtherFiles() throws IOException {
    Path secret = folder.resolve("secret.mp4");
    VideoWriter.write(frames, secret, settings);
    Path playlist =
        Files.writeString(
            folder.resolve("a.mp4"), "ffconcat version 1.0\nfile '" + secret.getFileName() + "'\n");
    assertThatThrownBy(() -> VideoReader.read(playlist)).isInstanceOf(InputException.class);
  }

  @ParameterizedTest
  @ValueSource(doubles = {8, 16, 23.976, 24, 30, 50, 59.94, 60, 100, 240})
  void aGifLastsAsLongAsItsVideoWhateverItsRate(double rate) throws IOException {
    Path target = folder.resolve("a.gif");
    VideoWriter.write(VideoRoundTripTest.moving(61, 8, 8), target, VideoSettings.silent(rate));
    List<Integer> delays = delays(Files.readAllBytes(target));
    assertThat(delays).as("hundredths of a second").allMatch(delay -> delay >= 2);
    int sum = delays.stream().mapToInt(Integer::intValue).sum();
    assertThat(sum).isCloseTo((int) Math.round(61 / rate * 100), within(2));
    assertThat(delays).hasSize((int) Math.ceil(61 * Math.min(1, 50 / rate)));
  }

  /// Returns the delay of each picture, from the extension in front of it.
  private static List<Integer> delays(byte[] gif) {
    List<Integer> delays = new ArrayList<>();
    for (int i = 0; i + 7 < gif.length; i++) {
      boolean isControl =
          gif[i] == 0x21 && gif[i + 1] == (byte) 0xF9 && gif[i + 2] == 4 && gif[i + 7] == 0;
      if (isControl) {
        delays.add((gif[i + 4] & 0xFF) | (gif[i + 5] & 0xFF) << 8);
      }
    }
    return delays;
  }

  @Test
  void noWriterOfFramesIsLeftAtWorkAfterOneFailed() throws Exception {
    Path part = Files.createDirectory(folder.resolve("frames"));
    Files.createDirectory(part.resolve("frame_00005.png"));
    Tensor many = VideoRoundTripTest.moving(96, 256, 256);
    FrameEncoding pictures = new FrameEncoding.Pictures(folder.resolve("a"), part, true);
    assertThatThrownBy(() -> pictures.add(many))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot be written");
    List<Path> left = list(part);
    Thread.sleep(300);
    assertThat(list(part)).isEqualTo(left).hasSizeLessThan(96);
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  @Test
  void framesAreTakenAtAnotherRateAsTheReferenceTakesThem() {
    assertThat(Clip.indices(100, 25, 30)).hasSize(120).startsWith(0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 8);
    assertThat(Clip.indices(31, 60, 30)).hasSize(15).startsWith(0, 2, 4).endsWith(28);
    assertThat(Clip.indices(50, 23.976, 16)).hasSize(33).startsWith(0, 1, 3, 4, 6).endsWith(48);
    Clip halved = new Clip(VideoRoundTripTest.moving(8, 4, 4), 16).at(8);
    assertThat(halved.frames().length(0)).isEqualTo(4);
    assertThat(VideoRoundTripTest.bytes(halved.frames().at(3)))
        .isEqualTo(VideoRoundTripTest.bytes(VideoRoundTripTest.moving(8, 4, 4).at(6)));
  }
}
