package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;

final class SpeedTest {
  @TempDir Path folder;

  @Test
  void eachPresetTurnsOnWhatItSays() {
    assertThat(Speed.of(null)).isNull();
    assertThat(Speed.EXACT.quantization(Device.CUDA)).isEqualTo(Quantization.NONE);
    assertThat(Speed.EXACT.cache(Task.T2V_A14B)).isEqualTo(new CacheSettings.Off());
    assertThat(Speed.BALANCED.quantization(Device.CUDA).recipe())
        .isEqualTo(Quantization.Recipe.UNNAMED);
    assertThat(Speed.BALANCED.quantization(Device.CPU)).isEqualTo(Quantization.NONE);
    assertThat(Speed.FAST.cache(Task.I2V_A14B)).isEqualTo(new CacheSettings.EasyCache(0.05, 7));
  }

  @Test
  void aFlagThatIsGivenWins() throws Exception {
    Path plain = folder.resolve("plain.mkv");
    Path exact = folder.resolve("exact.mkv");
    Path won = folder.resolve("won.mkv");
    String[] steps = {"--sample_steps", "12"};
    make(plain, steps);
    make(exact, "--sample_steps", "12", "--speed", "exact");
    String told = make(won, "--sample_steps", "12", "--speed", "fast", "--cache", "none");
    assertThat(Files.readAllBytes(exact)).isEqualTo(Files.readAllBytes(plain));
    assertThat(Files.readAllBytes(won)).isEqualTo(Files.readAllBytes(plain));
    assertThat(told).doesNotContain("forwards computed");
  }

  private static String make(Path target, String... flags) {
    Terminal run = Terminal.generate(Terminal.TEXT_TO_VIDEO, target, flags);
    assertThat(run.code()).as(run.error()).isZero();
    return run.error();
  }
}
