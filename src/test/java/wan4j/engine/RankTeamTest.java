package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.AttentionSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.EngineOptions.LoraMode;
import wan4j.EngineOptions.Recording;
import wan4j.Offload;
import wan4j.Quantization;
import wan4j.Ranks;
import wan4j.tensor.InputException;

/// What a team of ranks refuses before it opens anything.
final class RankTeamTest {
  @Test
  void forwardsOfRanksAreNotRecorded() {
    EngineOptions options =
        new EngineOptions(
            Path.of("demo/checkpoint/t2v"),
            Device.CPU,
            Arithmetic.BFLOAT16,
            Quantization.STORED,
            List.of(),
            LoraMode.AUTO,
            Offload.ALWAYS,
            false,
            Recording.ALWAYS,
            AttentionSettings.AUTO,
            Ranks.of(2));
    assertThatThrownBy(() -> RankTeam.open(options))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--compile was given with 2 GPUs");
  }
}
