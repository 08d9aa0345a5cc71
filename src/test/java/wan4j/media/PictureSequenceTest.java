package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

final class PictureSequenceTest {
  @TempDir private Path folder;

  @Test
  void aFolderThatWasWrittenIsReadBackPixelByPixel() {
    Tensor frames = frames(11, 6, 8);
    Path target = folder.resolve("video");
    VideoWriter.write(frames, target, new VideoSettings(16, 18, Sound.NONE));
    assertThat(PictureSequence.recognises(target)).isTrue();
    Tensor read = PictureSequence.read(target);
    assertThat(read.shape()).isEqualTo(frames.shape());
    assertThat(bytes(read)).isEqualTo(bytes(frames));
  }

  @Test
  void picturesOfTwoSizesAndFoldersWithoutAnyAreRefused() throws IOException {
    Path target = folder.resolve("mixed");
    VideoWriter.write(frames(2, 6, 8), target, new VideoSettings(16, 18, Sound.NONE));
    VideoWriter.write(
        frames(1, 8, 8), target.resolve("other.png"), new VideoSettings(16, 18, Sound.NONE));
    assertThatThrownBy(() -> PictureSequence.read(target))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("other.png is 8x8 pixels");
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertThatThrownBy(() -> PictureSequence.read(empty))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no picture");
  }

  private static Tensor frames(int count, int height, int width) {
    Tensor frames = FrameConversion.frames(count, height, width);
    for (long i = 0; i < Shape.of(count, height, width, 3).count(); i++) {
      frames.segment().set(ValueLayout.JAVA_BYTE, i, (byte) (i * 7));
    }
    return frames;
  }

  private static byte[] bytes(Tensor frames) {
    return frames.segment().toArray(ValueLayout.JAVA_BYTE);
  }
}
