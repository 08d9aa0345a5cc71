package wan4j.preprocess;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class FindingsTest {
  private static Pose pose(double ankleScore) {
    float[] points = new float[Pose.WHOLE_BODY * 3];
    Arrays.fill(points, 0.9f);
    points[15 * 3 + 2] = (float) ankleScore;
    return Pose.of(points, 100, 100);
  }

  private static PersonFinder.Found found(PersonBox box, int others) {
    return new PersonFinder.Found(box, others, new float[0]);
  }

  @Test
  void whatIsOutOfTheOrdinaryIsToldByTheNumbersOfItsFrames() {
    PersonBox inside = new PersonBox(10, 10, 50, 90, 0.9);
    PersonBox cutOff = new PersonBox(10, 10, 50, 100, 0.9);
    Findings findings = new Findings();
    findings.add(found(inside, 0), pose(0.1), true);
    findings.add(found(inside, 1), pose(0.2), true);
    findings.add(found(cutOff, 0), pose(0.3), false);
    findings.hasNoMask();
    findings.add(found(null, 0), pose(0.9), true);
    assertThat(findings.hasNoFace()).isFalse();
    assertThat(findings.sentences())
        .containsExactly(
            "the detector found nobody in frame 4; points were looked for in the whole picture",
            "there are several people in frame 2; the largest was taken",
            "the person reaches the picture's edge in frame 3 and may be cut off",
            "no face was found in frame 3; the one before, or the first, was taken",
            "the mask is empty in frame 3; the driving video is left as it is there",
            "in most frames these points were not found and are not drawn: left ankle");
  }

  @Test
  void nothingIsToldOfAnOrdinaryVideo() {
    Findings findings = new Findings();
    findings.add(found(new PersonBox(10, 10, 50, 90, 0.9), 0), pose(0.9), true);
    assertThat(findings.sentences()).isEmpty();
  }

  @Test
  void manyFramesAreToldAsRanges() {
    assertThat(Findings.ranges(List.of(1, 2, 3, 7, 9, 10))).isEqualTo("1-3, 7, 9-10");
    assertThat(Findings.ranges(List.of(1, 3, 5, 7, 9, 11, 13, 15)))
        .isEqualTo("1, 3, 5, 7, 9, 11 and others, 8 in all");
  }
}
