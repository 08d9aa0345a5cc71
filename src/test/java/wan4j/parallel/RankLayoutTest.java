package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.parallel.RankLayout.Wish;
import wan4j.tensor.InputException;

final class RankLayoutTest {
  @ParameterizedTest
  @CsvSource({
    // ranks, sequence asked, branches asked, heads, guided: branches, sequence
    "1, 0, , 40, true, 1, 1",
    "2, 0, , 40, true, 2, 1",
    "2, 0, , 40, false, 1, 2",
    "2, 0, false, 40, true, 1, 2",
    "4, 0, , 40, true, 2, 2",
    "8, 0, , 40, true, 2, 4",
    "8, 0, , 40, false, 1, 8",
    "8, 8, , 40, true, 1, 8",
    "8, 4, , 40, true, 2, 4",
    "8, 4, true, 40, false, 1, 8",
    "5, 0, , 40, true, 1, 5",
    "6, 0, , 24, true, 2, 3",
    "3, 0, , 24, true, 1, 3",
  })
  void guidanceComesFirst(
      int ranks, int asked, Boolean half, int heads, boolean guided, int branches, int sequence) {
    assertThat(RankLayout.of(new Wish(ranks, asked, half), heads, guided))
        .isEqualTo(new RankLayout(branches, sequence));
  }

  @ParameterizedTest
  @CsvSource({
    "3, 0, , 40, '--ulysses_size got 3, but the model has 40 attention heads; give one of 1, 2, 4,"
        + " 5, 8, 10, 20, 40'",
    "3, 0, true, 24, '--cfg_parallel got 3 GPUs; expected an even number: give --gpus 4, or"
        + " --cfg_parallel False'",
    "8, 2, , 40, '--ulysses_size got 2 for 8 GPUs; expected 8, or 4 with each half of them for a"
        + " branch of guidance (--cfg_parallel True)'",
    "8, 4, false, 40, '--ulysses_size got 4 for 8 GPUs; expected 8, or 4 with each half of them for"
        + " a branch of guidance (--cfg_parallel True)'",
  })
  void whatCannotBeIsRefused(int ranks, int asked, Boolean half, int heads, String sentence) {
    assertThatThrownBy(() -> RankLayout.of(new Wish(ranks, asked, half), heads, true))
        .isInstanceOf(InputException.class)
        .hasMessage(sentence);
  }

  @Test
  void ranksKnowTheirNeighbours() {
    RankLayout layout = new RankLayout(2, 4);
    assertThat(layout.sequenceOf(1)).containsExactly(0, 1, 2, 3);
    assertThat(layout.sequenceOf(6)).containsExactly(4, 5, 6, 7);
    assertThat(layout.branchesOf(6)).containsExactly(2, 6);
    assertThat(layout.branch(6)).isEqualTo(1);
  }
}
