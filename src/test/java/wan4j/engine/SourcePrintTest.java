package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Source;
import wan4j.TinyAnimate;
import wan4j.media.CharacterVideos;
import wan4j.media.FrameSource;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.media.VideoFrames;
import wan4j.media.VideoReader;

/// What `--resume` knows a request's inputs by: others of the same size and length are others.
final class SourcePrintTest {
  @TempDir Path folder;

  /// Requires that a source equals itself when it is made again, and no two of them each other.
  private static void requireDistinct(List<Supplier<Source>> sources) {
    assertThat(sources.stream().map(Supplier::get).map(SourcePrint::of)).doesNotHaveDuplicates();
    for (Supplier<Source> source : sources) {
      assertThat(SourcePrint.of(source.get())).isEqualTo(SourcePrint.of(source.get()));
    }
  }

  private static Picture picture(int red) {
    byte[] rgb = new byte[4 * 2 * 3];
    rgb[9] = (byte) red;
    return new Picture(4, 2, rgb);
  }

  @Test
  void picturesAtTheBeginningAndTheEnd() {
    requireDistinct(
        List.of(
            () -> Source.TEXT,
            () -> new Source.Image(picture(1)),
            () -> new Source.Image(picture(2)),
            () -> new Source.Image(picture(1), picture(2)),
            () -> new Source.Image(picture(1), picture(3)),
            () -> new Source.Image(picture(2), picture(1))));
  }

  private static Sound sound(int rate, float left, float right) {
    float[][] channels = {new float[70_000], new float[70_000]};
    channels[0][100] = left;
    channels[1][69_999] = right;
    return Sound.of(rate, channels);
  }

  private Source speech(int red, Sound sound, String poses, int frames, boolean startsFromPicture) {
    return new Source.Speech(
        picture(red),
        sound,
        poses == null ? null : folder.resolve(poses),
        new Source.Clips(frames, Integer.MAX_VALUE, startsFromPicture));
  }

  @Test
  void speakersSoundsAndPoses() {
    TinyAnimate.video(folder.resolve("one.mp4"), 2, 32, 32, 1);
    TinyAnimate.video(folder.resolve("other.mp4"), 2, 32, 32, 2);
    Sound usual = sound(16_000, 0.5f, 0.25f);
    requireDistinct(
        List.of(
            () -> speech(1, sound(16_000, 0.5f, 0.25f), null, 8, false),
            () -> speech(2, usual, null, 8, false),
            () -> speech(1, sound(16_000, 0.5f, 0.125f), null, 8, false),
            () -> speech(1, sound(16_000, 0.25f, 0.25f), null, 8, false),
            () -> speech(1, sound(8_000, 0.5f, 0.25f), null, 8, false),
            () -> speech(1, usual, "one.mp4", 8, false),
            () -> speech(1, usual, "other.mp4", 8, false),
            () -> speech(1, usual, null, 12, false),
            () -> speech(1, usual, null, 8, true)));
  }

  private Source character(
      int red, String pose, String faces, String background, String mask, int overlap) {
    return new Source.Animation(
        new CharacterVideos(
            picture(red), video(pose), video(faces), video(background), video(mask), Sound.NONE),
        overlap);
  }

  private FrameSource video(String name) {
    return name == null ? null : VideoFrames.open(folder.resolve(name + ".mp4"));
  }

  @Test
  void charactersAndDrivingVideos() {
    TinyAnimate.video(folder.resolve("a.mp4"), 3, 32, 32, 1);
    TinyAnimate.video(folder.resolve("b.mp4"), 3, 32, 32, 2);
    requireDistinct(
        List.of(
            () -> character(1, "a", "a", null, null, 1),
            () -> character(2, "a", "a", null, null, 1),
            () -> character(1, "b", "a", null, null, 1),
            () -> character(1, "a", "b", null, null, 1),
            () -> character(1, "a", "a", null, null, 5),
            () -> character(1, "a", "a", "a", "a", 1),
            () -> character(1, "a", "a", "b", "a", 1),
            () -> character(1, "a", "a", "a", "b", 1)));
  }

  @Test
  void framesInMemoryAreKnownByTheSameSumAsThoseOfAFile() {
    Path file = folder.resolve("a.mp4");
    TinyAnimate.video(file, 3, 32, 32, 1);
    try (VideoFrames frames = VideoFrames.open(file)) {
      FrameSource inMemory = FrameSource.of(VideoReader.read(file));
      assertThat(inMemory.checksum()).isEqualTo(frames.checksum());
      assertThat(frames.first(2).checksum())
          .isEqualTo(inMemory.first(2).checksum())
          .isNotEqualTo(frames.checksum());
    }
  }
}
