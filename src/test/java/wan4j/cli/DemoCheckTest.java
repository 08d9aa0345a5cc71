package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.demo.MouthCheck;
import wan4j.demo.SpeechCheck;

final class DemoCheckTest {
  @Test
  void facesThatSpeakAreToldEachAndTogether() {
    SpeechCheck follows = new SpeechCheck("a pink face talks", new MouthCheck(0.93));
    SpeechCheck doesNot = new SpeechCheck("a green face talks", new MouthCheck(-0.41));
    assertThat(DemoCheck.line(follows))
        .isEqualTo("PASS  mouth and loudness correlate by  0.93  a pink face talks");
    assertThat(DemoCheck.line(doesNot))
        .isEqualTo("FAIL  mouth and loudness correlate by -0.41  a green face talks");
    assertThat(DemoCheck.summary(List.of(follows, doesNot)))
        .isEqualTo(
            "of 2 faces the mouth's opening and the loudness correlate by 0.26 in the median, -0.41"
                + " at least");
  }
}
