package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
  /// What all presets but exact have in common.
  private static final String COMBINED = "--quantize --fp8_recipe PerTokenScaling --attention int8";

  @TempDir Path folder;

  @Test
  void eachPresetTurnsOnWhatItSays() {
    assertThat(Speed.of(null)).isNull();
    assertThat(Speed.EXACT.quantization(Device.CUDA)).isEqualTo(Quantization.NONE);
    assertThat(Speed.EXACT.cache(Task.T2V_A14B)).isEqualTo(new CacheSettings.Off());
    assertThat(Speed.BALANCED.quantization(Device.CUDA).recipe())
        .isEqualTo(Quantization.Recipe.UNNAMED);
    assertThat(Speed.BALANCED.quantization(Device.CPU)).isEqualTo(Quantization.NONE);
    assertThat(Speed.FAST.cache(Task.I2V_A14B)).isEqualTo(new CacheSettings.EasyCache(0.5, 3));
  }

  /// What the judge measured of flags as a whole.
  ///
  /// @param decibels the median PSNR against no flags
  /// @param forwards how many were computed
  private record Row(String flags, double decibels, double forwards) {}

  /// What a preset stands for was measured as a whole, keeps the quality that it promises, and of
  /// all that begins as it does and keeps it no other computes fewer forwards.
  @ParameterizedTest
  @EnumSource(names = {"BALANCED", "FAST"})
  void theJudgeDecidesWhatAPresetTurnsOn(Speed preset) {
    List<Row> rows = judged();
    List<Row> combined =
        rows.stream().filter(row -> row.flags().startsWith(COMBINED + " ")).toList();
    Row own =
        rows.stream()
            .filter(row -> row.flags().equals(preset.flags()))
            .findFirst()
            .orElseThrow(() -> new AssertionError("the judge has no row of " + preset.flags()));
    assertThat(own.decibels()).as("PSNR of %s", own).isGreaterThanOrEqualTo(preset.decibels());
    assertThat(combined)
        .filteredOn(row -> row.decibels() >= preset.decibels())
        .allSatisfy(row ->
            assertThat(row.forwards())
                .as("%s could be %s", preset, row)
                .isGreaterThanOrEqualTo(own.forwards()));
  }

  /// Returns the rows of what was compared with no flags.
  private static List<Row> judged() {
    Map<String, Double> decibels = new LinkedHashMap<>();
    Map<String, Double> forwards = new LinkedHashMap<>();
    for (JsonNode result : Json.read(Path.of("benchmarks/h200-judge.json")).get("results")) {
      JsonNode parameters = result.get("parameters");
      if (parameters.path("against").asString("").equals("none")) {
        Map<String, Double> figures =
            switch (result.get("metric").asString()) {
              case "PSNR" -> decibels;
              case "forwards computed" -> forwards;
              default -> new LinkedHashMap<>(); // of no use here
            };
        Double before =
            figures.put(parameters.get("flags").asString(), result.get("median").asDouble());
        assertThat(before).as("one row for %s", parameters).isNull();
      }
    }
    return decibels.keySet().stream()
        .map(flags -> new Row(flags, decibels.get(flags), forwards.get(flags)))
        .toList();
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
