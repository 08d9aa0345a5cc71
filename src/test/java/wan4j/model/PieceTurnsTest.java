package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.model.PieceTurns.Piece;

final class PieceTurnsTest {
  @ParameterizedTest
  @CsvSource({
    // 81 frames of 720P have 21 latent frames
    "21, 2, 4, 3, 3, 4",
    "21, 4, 4, 2, 2, 3",
    "21, 8, 4, 1, 2, 3",
    "8, 3, 2, 1, 2, 3",
    "9, 2, 2, 2, 2, 2",
  })
  void piecesAreEvenAndFollowEachOther(
      int latents, int ranks, int most, int rounds, int smallest, int largest) {
    List<List<Piece>> all = PieceTurns.rounds(latents, ranks, most);
    assertThat(all).hasSize(rounds).allSatisfy(round -> assertThat(round).hasSize(ranks));
    List<Piece> inOrder = all.stream().flatMap(List::stream).toList();
    int next = 1;
    for (Piece piece : inOrder) {
      assertThat(piece.first()).isEqualTo(next);
      assertThat(piece.count()).isBetween(smallest, largest);
      next += piece.count();
    }
    assertThat(next).isEqualTo(latents);
  }

  @Test
  void shortVideosAreOneRanks() {
    assertThat(PieceTurns.rounds(5, 3, 4)).isEmpty();
    assertThat(PieceTurns.rounds(1, 2, 4)).isEmpty();
    assertThat(PieceTurns.alone(6, 2))
        .containsExactly(new Piece(1, 2), new Piece(3, 2), new Piece(5, 1));
    assertThat(PieceTurns.alone(1, 2)).isEmpty();
  }

  @Test
  void memoryThatIsShortKeepsPiecesSmall() {
    assertThat(PieceTurns.rounds(22, 8, 1)).isEmpty(); // they would have three frames
  }
}
