package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.tensor.InputException;

final class MeetingTest {
  @Test
  void everyRankSeesWhatAllBring() {
    List<List<Integer>> seen =
        Ranks.run(
            4,
            Duration.ofSeconds(60),
            (meeting, rank) -> {
              meeting.meet(rank, Integer.class, 100 + rank);
              return meeting.meet(rank, Integer.class, rank);
            });
    assertThat(seen).hasSize(4).allSatisfy(all -> assertThat(all).containsExactly(0, 1, 2, 3));
  }

  @Test
  void aRankThatFailsEndsTheOthers() {
    assertThatThrownBy(() ->
            Ranks.run(
                3,
                Duration.ofSeconds(60),
                (meeting, rank) -> {
                  if (rank == 1) {
                    throw new InputException("no memory is left");
                  }
                  return meeting.meet(rank, Integer.class, rank);
                }))
        .isInstanceOf(RankException.class)
        .hasMessage("rank 1 of 3 failed: no memory is left");
  }

  @Test
  void aRankThatDoesNotComeIsNamed() {
    assertThatThrownBy(() ->
            Ranks.run(
                2,
                Duration.ofMillis(200),
                (meeting, rank) -> rank == 1 ? rank : meeting.meet(rank, Integer.class, rank)))
        .isInstanceOf(RankException.class)
        .hasMessage("rank 1 of 2 did not come to an exchange within 0.2 s");
  }

  @Test
  void someRanksMeetAmongThemselves() {
    List<List<String>> seen =
        Ranks.run(
            4,
            Duration.ofSeconds(60),
            (meeting, rank) ->
                meeting
                    .among(List.of(rank % 2, rank % 2 + 2))
                    .meet(rank / 2, String.class, "from " + rank));
    assertThat(seen)
        .containsExactly(
            List.of("from 0", "from 2"),
            List.of("from 1", "from 3"),
            List.of("from 0", "from 2"),
            List.of("from 1", "from 3"));
  }

  @Test
  void aFailureAmongSomeEndsAllAndIsToldOnceByTheRanksOwnNumber() {
    Meeting all = new LocalMeeting(4, Duration.ofSeconds(60));
    List<String> told = new ArrayList<>();
    all.onFailure(failure -> told.add(failure.getMessage()));
    all.among(List.of(2, 3)).fail(1, new InputException("no memory is left"));
    all.fail(0, new InputException("a later one"));
    all.onFailure(failure -> told.add("again: " + failure.getMessage()));
    assertThat(told)
        .containsExactly(
            "rank 3 of 4 failed: no memory is left",
            "again: rank 3 of 4 failed: no memory is left");
    assertThatThrownBy(() -> all.meet(0, Integer.class, 0))
        .isInstanceOf(RankException.class)
        .hasMessage("rank 3 of 4 failed: no memory is left");
  }
}
