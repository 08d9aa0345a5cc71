package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.media.CharacterVideos;
import wan4j.tensor.InputException;

final class CharacterAnimationTest {
  private static CharacterAnimation course(int frames, int clipFrames, int overlap) {
    CharacterVideos videos = CharacterVideos.black(64, 32, frames, 32);
    return new CharacterAnimation(videos, clipFrames, overlap, 16);
  }

  /// The reference's `get_valid_len` gives as many clips wherever it works; where it fails, in
  /// videos that are no longer than the overlap, there is one.
  @ParameterizedTest
  @CsvSource({
    "1, 77, 1, 1",
    "1, 77, 5, 1",
    "5, 77, 5, 1",
    "6, 77, 5, 1",
    "77, 77, 1, 1",
    "78, 77, 1, 2",
    "153, 77, 1, 2",
    "154, 77, 1, 3",
    "22, 13, 1, 2",
    "21, 13, 5, 2",
    "22, 13, 5, 3",
  })
  void clipsOverlapUntilTheVideoIsCovered(int frames, int clipFrames, int overlap, int clips) {
    CharacterAnimation course = course(frames, clipFrames, overlap);
    assertThat(course.clips()).isEqualTo(clips);
    assertThat(course.remembered()).isEqualTo(overlap);
    assertThat(course.frames()).isEqualTo(frames);
  }

  @Test
  void aVideoRunsForwardsAndBackwardsWithItsEndsOnceEach() {
    assertThat(places(4, 9)).containsExactly(0, 1, 2, 3, 2, 1, 0, 1, 2);
    assertThat(places(2, 5)).containsExactly(0, 1, 0, 1, 0);
    assertThat(places(1, 3)).containsExactly(0, 0, 0);
  }

  private static int[] places(int count, int length) {
    return IntStream.range(0, length).map(i -> CharacterAnimation.there(i, count)).toArray();
  }

  @Test
  void whatDoesNotFitIsRefused() {
    for (int overlap : new int[] {0, 2, 77}) {
      assertThatThrownBy(() -> course(9, 77, overlap))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("give 1 or 5");
    }
    assertThatThrownBy(() -> course(9, 5, 5)).hasMessageContaining("longer than their overlap");
    CharacterVideos odd = CharacterVideos.black(72, 32, 9, 32);
    assertThatThrownBy(() -> new CharacterAnimation(odd, 77, 1, 16))
        .hasMessageContaining("src_pose.mp4 is 72x32; expected sides that are multiples of 16");
  }
}
