package wan4j.preprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

class KeptFramesTest {
  private static final Bitmap MASK = new Bitmap(3, 2, new byte[] {0, 1, 1, 0, 0, 1});

  @TempDir Path folder;

  private static PersonFinder.Found found(float value) {
    float[] points = new float[Pose.WHOLE_BODY * 3];
    Arrays.fill(points, value);
    return new PersonFinder.Found(new PersonBox(1, 2, 3, 4, 0.5), 2, points);
  }

  private void keepTwo() {
    try (KeptFrames kept = KeptFrames.open(folder, "settings", false)) {
      kept.put(4, new KeptFrames.Kept(found(0.25f), MASK));
      kept.put(9, new KeptFrames.Kept(new PersonFinder.Found(null, 0, found(7).points()), null));
    }
  }

  @Test
  void whatWasKeptIsThereAgainUntilItIsRemoved() {
    keepTwo();
    try (KeptFrames kept = KeptFrames.open(folder, "settings", true)) {
      assertThat(kept.count()).isEqualTo(2);
      assertThat(kept.get(4).found().box()).isEqualTo(found(0).box());
      assertThat(kept.get(4).found().others()).isEqualTo(2);
      assertThat(kept.get(4).found().points()).isEqualTo(found(0.25f).points());
      assertThat(kept.get(4).mask().bits()).isEqualTo(MASK.bits());
      assertThat(kept.get(9).found().box()).isNull();
      assertThat(kept.get(9).mask()).isNull();
      assertThat(kept.get(5)).isNull();
      kept.remove();
    }
    assertThat(KeptFrames.areIn(folder)).isFalse();
  }

  @Test
  void aFrameThatWasCutShortIsLookedAtAgain() throws IOException {
    keepTwo();
    Path file = folder.resolve(".found-so-far");
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 100));
    try (KeptFrames kept = KeptFrames.open(folder, "settings", true)) {
      assertThat(kept.count()).isEqualTo(1);
      kept.put(9, new KeptFrames.Kept(found(1), null));
    }
    try (KeptFrames kept = KeptFrames.open(folder, "settings", true)) {
      assertThat(kept.get(9).found().points()).isEqualTo(found(1).points());
    }
  }

  @Test
  void whatWasBegunOtherwiseIsRefused() {
    keepTwo();
    assertThatThrownBy(() -> KeptFrames.open(folder, "others", true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave out --resume");
    try (KeptFrames kept = KeptFrames.open(folder, "others", false)) {
      assertThat(kept.count()).isZero();
    }
  }

  @Test
  void aFileThatIsNoneOfOursIsRefused() throws IOException {
    Files.writeString(folder.resolve(".found-so-far"), "something else altogether");
    assertThatThrownBy(() -> KeptFrames.open(folder, "settings", true))
        .isInstanceOf(InputException.class);
  }
}
