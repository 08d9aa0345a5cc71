package wan4j.ops.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static wan4j.ops.AttentionFormat.Simple.PLAIN;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.KeyBlocks;

/// How attention's work is cut, told from sizes alone.
final class AttentionPlanTest {
  private static final int H100 = 132;
  private static final int H100_PCIE = 114;
  private static final int MOST_SHARED = 227 * 1024; // of a block on Hopper

  @ParameterizedTest
  @CsvSource({
    "75600, 75600, 5, 128", "75600, 75600, 40, 128", "27280, 27280, 3, 128", "9450, 512, 40, 128",
    "9450, 9450, 5, 128", "1, 75600, 1, 128", "1, 1, 1, 64", "193, 5000, 7, 64",
    "32760, 32760, 5, 128"
  })
  void blocksTakeWholeItemsAndShareWhatIsLeft(int queries, int keys, int heads, int headSize) {
    for (int multiprocessors : new int[] {H100, H100_PCIE, 78, 16}) {
      AttentionPlan plan = AttentionPlan.of(queries, keys, heads, headSize, multiprocessors);
      assertThat(plan.items()).isEqualTo(Math.ceilDiv(queries, 192) * heads);
      assertThat(plan.rounds() * plan.blocks() + plan.rest()).isEqualTo(plan.items());
      assertThat(plan.blocks()).isBetween(1, multiprocessors);
      assertThat((long) plan.tiles() * plan.tile()).isBetween((long) keys, keys + 127L);
      // a share has a tile at least, and lies in two items at most
      assertThat(plan.shares()).isBetween(plan.rest(), plan.blocks());
      assertThat((long) plan.rest() * plan.tiles()).isGreaterThanOrEqualTo(plan.shares());
      assertThat(plan.rest()).isLessThan(plan.blocks());
      assertThat(plan.sharedBytes()).isLessThan(MOST_SHARED);
    }
  }

  @Test
  void aLastRoundThatFillsTheGpuIsNotCut() {
    assertThat(AttentionPlan.of(4096, 4096, 5, 128, H100).isCut()).isFalse();
    assertThat(AttentionPlan.of(9450, 9450, 5, 128, H100).isCut()).isFalse();
    assertThat(AttentionPlan.of(9450, 512, 40, 128, H100).isCut()).isFalse();
  }

  @Test
  void aLastRoundOfFewItemsIsCut() {
    AttentionPlan plan = AttentionPlan.of(27_280, 27_280, 3, 128, H100);
    assertThat(plan.rounds()).isEqualTo(3);
    assertThat(plan.rest()).isEqualTo(33);
    assertThat(plan.shares()).isEqualTo(H100);
    AttentionPlan single = AttentionPlan.of(1, 75_600, 1, 128, H100);
    assertThat(single.rounds()).isZero();
    assertThat(single.shares()).isEqualTo(H100);
  }

  @ParameterizedTest
  @CsvSource({"200, 3000, 1", "130, 5000, 1", "200, 9000, 1", "193, 5000, 2", "26000, 2700, 1"})
  void everyShareOfWhatIsCutHasATile(int queries, int keys, int heads) {
    AttentionPlan plan = AttentionPlan.of(queries, keys, heads, 128, 132);
    assertThat(plan.isCut()).isTrue();
    assertThat(plan.shares()).isLessThanOrEqualTo(plan.blocks());
    assertThat((long) plan.rest() * plan.tiles()).isGreaterThanOrEqualTo(plan.shares());
  }

  @Test
  void fewKeysLeaveRoomForTheQueriesOfTheNextItem() {
    AttentionPlan text = AttentionPlan.of(9450, 512, 40, 128, H100);
    assertThat(text.tile()).isEqualTo(64);
    assertThat(text.queryStages()).isEqualTo(2);
    AttentionPlan video = AttentionPlan.of(75_600, 75_600, 40, 128, H100);
    assertThat(video.tile()).isEqualTo(80);
    assertThat(video.stages()).isEqualTo(4);
  }

  /// The estimate is made for no GPU in particular.
  @Test
  void roomForPartsSufficesOnEveryGpu() {
    for (int keys : new int[] {1, 512, 2047, 2048, 2049, 4096, 4097, 75_600}) {
      for (int queries = 1; queries < 30_000; queries += 777) {
        for (int multiprocessors = 1; multiprocessors < 160; multiprocessors++) {
          AttentionPlan plan = AttentionPlan.of(queries, keys, 3, 128, multiprocessors);
          int floats = plan.isCut() ? 2 * plan.blocks() * plan.queries() * 130 : 0;
          assertThat(AttentionPlan.partFloats(PLAIN, false, keys, 128))
              .isGreaterThanOrEqualTo(floats);
        }
      }
    }
  }

  @Test
  void aLongListOfItemsTakesTheRoomOfATile() {
    AttentionPlan plan = AttentionPlan.of(500_000, 500_000, 40, 128, H100);
    assertThat(plan.stages()).isEqualTo(3);
    assertThat(plan.sharedBytes()).isLessThan(MOST_SHARED);
  }

  @Test
  void everyWarpOfEveryItemNotesAMagnitude() {
    assertThat(AttentionPlan.of(193, 100, 5, 128, H100).notes()).isEqualTo(2 * 5 * 12);
  }

  static Stream<AttentionFormat> narrow() {
    return Stream.of(EightBit.values());
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void eightBitsHaveTilesThatTheirGroupsOfScalesTile(AttentionFormat format) {
    EightBit narrow = (EightBit) format;
    for (boolean isListed : new boolean[] {false, true}) {
      for (int queries : new int[] {1, 193, 9450, 75_600, 240_000}) {
        AttentionPlan plan = AttentionPlan.of(format, isListed, queries, queries, 40, 128, H100);
        assertThat(plan.queries()).isEqualTo(KeyBlocks.queries(format));
        assertThat(plan.sharedBytes()).isLessThan(MOST_SHARED);
        assertThat(plan.tile() % 16).isZero();
        if (narrow.hasNarrowScores()) {
          assertThat(commonDivisor(plan.tile(), narrow.keyGroup()) % 16).isZero();
          assertThat(isListed || plan.tile() % narrow.keyGroup() == 0).isTrue();
        }
        if (narrow.hasNarrowValues()) {
          assertThat(plan.tile() % 32).isZero();
          assertThat(plan.promotedTiles()).isPositive();
        }
        if (narrow.valueGroup() > 0) {
          assertThat(narrow.valueGroup() % plan.tile()).isZero();
        }
        if (isListed) {
          assertThat(plan.tile()).isEqualTo(KeyBlocks.KEYS);
        }
      }
    }
  }

  private static int commonDivisor(int a, int b) {
    return b == 0 ? a : commonDivisor(b, a % b);
  }

  @Test
  void listedItemsAreNotCut() {
    AttentionPlan plan = AttentionPlan.of(PLAIN, true, 27_280, 27_280, 3, 128, H100);
    assertThat(plan.isCut()).isFalse();
    assertThat(plan.rounds() * plan.blocks() + plan.rest()).isEqualTo(plan.items());
    assertThat(AttentionPlan.partFloats(PLAIN, true, 75_600, 128)).isZero();
  }
}
