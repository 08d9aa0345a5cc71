package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import wan4j.AttentionSettings;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.files.Json;

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

  /// What balanced stands for has been measured as a whole, what fast adds to it at least by
  /// itself, and each keeps the quality that it promises.
  @Test
  void theJudgeFindsEachPresetGoodEnough() {
    assertThat(decibels(Speed.BALANCED.flags()))
        .hasSize(1)
        .allMatch(median -> median >= Speed.BALANCED.decibels());
    assertThat(Speed.FAST.flags()).isEqualTo(Speed.BALANCED.flags() + " --cache easycache");
    List<Double> whole = decibels(Speed.FAST.flags());
    assertThat(whole.isEmpty() ? decibels("--cache easycache") : whole)
        .hasSize(1)
        .allMatch(median -> median >= Speed.FAST.decibels());
  }

  /// Returns the median PSNR of flags against none, or nothing where they are not measured.
  private static List<Double> decibels(String flags) {
    List<Double> medians = new ArrayList<>();
    for (JsonNode result : Json.read(Path.of("benchmarks/h200-judge.json")).get("results")) {
      if (result.get("metric").asString().equals("PSNR")
          && result.get("parameters").get("flags").asString().equals(flags)) {
        medians.add(result.get("median").asDouble());
      }
    }
    return medians;
  }

  /// The flags that are measured are those that it turns on.
  @ParameterizedTest
  @EnumSource(Speed.class)
  void theFlagsThatAreMeasuredAreWhatItTurnsOn(Speed preset) {
    List<String> common =
        List.of("--ckpt_dir", "demo/checkpoint/t2v", "--any_size", "--prompt", "a");
    List<String> words = new ArrayList<>(common);
    words.addAll(Stream.of(preset.flags().split(" ")).filter(word -> !word.isEmpty()).toList());
    GenerateFlags flags = GenerateFlags.read(words);
    EngineOptions options = flags.options(Device.CUDA);
    VideoRequest request = flags.request(Task.T2V_A14B);
    assertThat(preset.attention(Device.CUDA, true)).isEqualTo(options.attention());
    assertThat(preset.attention(Device.CUDA, false)).isEqualTo(AttentionSettings.AUTO);
    assertThat(preset.quantization(Device.CUDA).recipe())
        .isEqualTo(preset == Speed.EXACT ? Quantization.Recipe.NONE : Quantization.Recipe.UNNAMED);
    assertThat(Quantization.Recipe.DEFAULT).isEqualTo(Quantization.Recipe.TOKEN);
    assertThat(preset.cache(Task.T2V_A14B)).isEqualTo(request.cache());
    assertThat(preset.gate()).isEqualTo(request.sampling().gate());
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
