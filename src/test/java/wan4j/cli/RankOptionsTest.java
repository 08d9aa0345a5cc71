package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.Ranks.WeightShards;

/// What the flags of several GPUs mean, those of copied command lines of the reference among them.
final class RankOptionsTest {
  private static Ranks ranks(String flags) {
    List<String> words = new ArrayList<>(List.of("--ckpt_dir", "checkpoint", "--prompt", "a cat"));
    if (!flags.isEmpty()) {
      words.addAll(List.of(flags.split(" ", -1)));
    }
    return GenerateFlags.read(words).options(Device.CUDA).ranks();
  }

  @ParameterizedTest
  @CsvSource({
    "'', 1, 0,,,",
    "--gpus 8, 8, 0,,,",
    "--ulysses_size 8 --dit_fsdp --t5_fsdp, 8, 8,, true, true",
    "--gpus 8 --ulysses-size 4, 8, 4,,,",
    "--ulysses_size 4 --cfg_parallel True, 8, 4, true,,",
    "--cfg_parallel True, 2, 0, true,,",
    "--gpus 4 --cfg_parallel False --dit_fsdp True, 4, 0, false, true,",
    "--t5_fsdp False --ulysses_size 1, 1, 1,,, false",
  })
  void flagsGiveRanks(
      String flags,
      int count,
      int sequence,
      Boolean guidance,
      Boolean dividesTransformers,
      Boolean dividesText) {
    assertThat(ranks(flags))
        .isEqualTo(
            Ranks.of(count)
                .dividing(sequence, guidance)
                .sharding(new WeightShards(dividesTransformers, dividesText)));
  }

  @ParameterizedTest
  @CsvSource({"--gpus 2, false", "--gpus 2 --overlap_exchange True, true"})
  void exchangesRunBesideAttentionWhereAskedFor(String flags, boolean isBeside) {
    assertThat(ranks(flags).overlapsExchange()).isEqualTo(isBeside);
  }

  @ParameterizedTest
  @CsvSource({"--device cuda:2 --gpus 2, 2", "--device cuda, -1"})
  void theFirstGpuIsTheDevices(String flags, int gpu) {
    assertThat(ranks(flags).firstGpu()).isEqualTo(gpu);
  }

  @ParameterizedTest
  @CsvSource({"--gpus 2 --rank_timeout 0.5, 500", "--gpus 2 --rank_timeout 120, 120000"})
  void theTimeToWaitIsInSeconds(String flags, long milliseconds) {
    assertThat(ranks(flags).timeout()).isEqualTo(Duration.ofMillis(milliseconds));
  }
}
