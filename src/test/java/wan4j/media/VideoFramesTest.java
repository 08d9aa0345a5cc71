package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

final class VideoFramesTest {
  @TempDir Path folder;

  @Test
  @SuppressWarnings("try") // a closed file is opened again
  void framesAreThoseOfTheFileWhereverTheyAreAskedFor() throws Exception {
    Path file = folder.resolve("video.mkv");
    TinyAnimate.video(file, 12, 16, 16, 1);
    Tensor all = TinyAnimate.clip(12, 16, 16, 1).frames();
    try (VideoFrames frames = VideoFrames.open(file)) {
      assertThat(frames.count()).isEqualTo(12);
      assertThat(frames.framesPerSecond()).isEqualTo(25);
      // on from where it was, overlapping, far behind, far ahead, and the whole
      for (int[] range : new int[][] {{0, 5}, {4, 5}, {7, 5}, {1, 3}, {10, 2}, {0, 12}, {0, 1}}) {
        assertThat(bytes(frames.read(range[0], range[1])))
            .as("%d frames from %d on", range[1], range[0])
            .isEqualTo(bytes(all.slice(range[0], range[1])));
      }
      assertThatThrownBy(() -> frames.read(10, 3)).isInstanceOf(IndexOutOfBoundsException.class);
      frames.close();
      TinyAnimate.video(folder.resolve("short.mkv"), 3, 16, 16, 1);
      Files.move(folder.resolve("short.mkv"), file, StandardCopyOption.REPLACE_EXISTING);
      assertThatThrownBy(() -> frames.read(2, 4))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("had 12 frames and now ends after 3");
    }
  }

  private static byte[] bytes(Tensor frames) {
    return frames.segment().toArray(ValueLayout.JAVA_BYTE);
  }
}
