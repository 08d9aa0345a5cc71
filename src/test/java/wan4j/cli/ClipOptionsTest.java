package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.ClipPlan;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.tensor.InputException;

final class ClipOptionsTest {
  private static GenerateFlags read(String... more) {
    List<String> flags = new ArrayList<>(List.of("--ckpt_dir", "demo", "--prompt", "a"));
    flags.addAll(List.of(more));
    return GenerateFlags.read(flags);
  }

  @Test
  void aPromptIsForAllClipsOrThereIsOneForEach() {
    VideoRequest one = read("--clips", "3").request(Task.T2V_A14B);
    assertThat(one.clips()).isEqualTo(new ClipPlan(3, 5, List.of()));
    assertThat(one.frames()).isEqualTo(81 + 2 * 76);
    VideoRequest each =
        read("--prompt", "b", "--clips", "2", "--clip_overlap", "9").request(Task.T2V_A14B);
    assertThat(each.prompts()).containsExactly("a", "b");
    assertThat(each.clips().overlap()).isEqualTo(9);
  }

  @Test
  void otherNumbersOfPromptsAreRefused() {
    assertThatThrownBy(() -> read("--prompt", "b"))
        .isInstanceOf(InputException.class)
        .hasMessage("--prompt was given 2 times; give it once, or once a clip with --clips 2");
    assertThatThrownBy(() -> read("--prompt", "b", "--clips", "3"))
        .hasMessage(
            "--prompt was given 2 times and --clips 3; give it once, or once a clip with --clips"
                + " 2");
  }
}
