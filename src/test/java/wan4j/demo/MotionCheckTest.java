package wan4j.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.media.FrameBuffer;
import wan4j.tensor.Tensor;

final class MotionCheckTest {
  private static final int SIDE = 48;
  private static final int FRAMES = 9;
  private static final int[] RED = {228, 32, 30};

  @ParameterizedTest
  @EnumSource
  void aSquareThatMovesPassesForItsDirectionAlone(Direction direction) {
    int x = direction == Direction.LEFT ? -3 : direction == Direction.RIGHT ? 3 : 0;
    int y = direction == Direction.UP ? -3 : direction == Direction.DOWN ? 3 : 0;
    Tensor video = square(RED, x, y, 8);
    for (Direction other : Direction.values()) {
      assertThat(MotionCheck.of(video, Color.RED, other).passes()).isEqualTo(other == direction);
    }
  }

  @Test
  void anotherColourDoesNotPass() {
    for (Color color : Color.values()) {
      MotionCheck check = MotionCheck.of(square(RED, 3, 0, 8), color, Direction.RIGHT);
      assertThat(check.passes()).as("%s", color).isEqualTo(color == Color.RED);
    }
  }

  @Test
  void whatStandsStillOrMovesAcrossDoesNotPass() {
    assertThat(MotionCheck.of(square(RED, 0, 0, 8), Color.RED, Direction.LEFT).passes()).isFalse();
    assertThat(MotionCheck.of(square(RED, 3, 3, 8), Color.RED, Direction.RIGHT).passes()).isFalse();
  }

  @Test
  void aSpeckIsTooLittle() {
    assertThat(MotionCheck.of(square(RED, 3, 0, 2), Color.RED, Direction.RIGHT).passes()).isFalse();
  }

  @Test
  void movementIsToldInSharesOfTheFrame() {
    MotionCheck check = MotionCheck.of(square(RED, 3, 0, 8), Color.RED, Direction.RIGHT);
    // the first three frames and the last three are six frames apart
    assertThat(check.along()).isEqualTo(18.0 / SIDE);
    assertThat(check.across()).isZero();
    assertThat(check.coverage()).isEqualTo(64.0 / (SIDE * SIDE));
  }

  @Test
  void theListOfPromptsHasAllColoursAndDirections() {
    List<MotionPrompt> prompts = MotionPrompt.first(24);
    Set<Object> seen = new HashSet<>();
    prompts.forEach(prompt -> seen.addAll(List.of(prompt.color(), prompt.direction())));
    assertThat(seen).contains((Object[]) Color.values()).contains((Object[]) Direction.values());
    assertThat(prompts.getFirst().text()).isEqualTo("a red ball moves left");
    assertThat(prompts).extracting(MotionPrompt::text).doesNotHaveDuplicates();
  }

  @Test
  void theFirstFrameOfAPromptShowsItsShapeWhereItsWayBegins() {
    for (MotionPrompt prompt : MotionPrompt.first(20)) {
      Tensor frames = prompt.firstFrame(96).pixels().reshape(1, 96, 96, 3);
      assertThat(ShapeCheck.of(frames, prompt.color()).shows(prompt.shape()))
          .as(prompt.text())
          .isTrue();
    }
    MotionPrompt left = MotionPrompt.first(1).getFirst();
    Tensor before = left.firstFrame(96).pixels().reshape(1, 96, 96, 3);
    FrameBuffer video = new FrameBuffer();
    for (int t = 0; t < 3; t++) {
      video.accept(before);
    }
    assertThat(MotionCheck.of(video.frames(), left.color(), left.direction()).hasColor()).isTrue();
  }

  /// A square on dark gray that begins in the middle less half its way.
  private static Tensor square(int[] color, int x, int y, int side) {
    byte[] pixels = new byte[FRAMES * SIDE * SIDE * 3];
    Arrays.fill(pixels, (byte) 40);
    for (int t = 0; t < FRAMES; t++) {
      int left = (SIDE - side) / 2 + x * (t - FRAMES / 2);
      int top = (SIDE - side) / 2 + y * (t - FRAMES / 2);
      for (int i = 0; i < side * side; i++) {
        int at = ((t * SIDE + top + i / side) * SIDE + left + i % side) * 3;
        for (int c = 0; c < 3; c++) {
          pixels[at + c] = (byte) color[c];
        }
      }
    }
    return Tensor.of(pixels, FRAMES, SIDE, SIDE, 3);
  }
}
