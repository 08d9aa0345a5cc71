package wan4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.bench.QualityConfiguration;
import wan4j.tensor.InputException;

final class QualityConfigurationsTest {
  private static final List<String> COMMON =
      List.of("--ckpt_dir", "model", "--sample_steps", "20", "--size", "96*96", "--any_size");
  private static final Path RATIOS = Path.of("a ratios.json");

  private static List<QualityConfiguration> of(Device device, String... lines) {
    Map<String, Path> files =
        Map.of(QualityConfigurations.RATIOS, RATIOS, QualityConfigurations.LORA, Path.of("lora"));
    return new QualityConfigurations(device, COMMON, files).of(List.of(lines));
  }

  @ParameterizedTest
  @EnumSource(Device.class)
  void allThatABuildHasCanBeReadAndNoneIsTwice(Device device) {
    List<String> all = QualityConfigurations.all(device, 20, true);
    List<QualityConfiguration> configurations = of(device, all.toArray(String[]::new));
    assertThat(all).doesNotHaveDuplicates();
    assertThat(configurations).hasSize(all.size() + 2);
    for (QualityConfiguration configuration : configurations) {
      VideoRequest request = configuration.requests().of(Task.T2V_A14B, "a red ball", 7);
      assertThat(request.prompt()).isEqualTo("a red ball");
      assertThat(request.sampling().seed()).isEqualTo(7);
      assertThat(configuration.options().device()).isEqualTo(device);
    }
    for (Quantization.Recipe recipe : Quantization.Recipe.named()) {
      assertThat(configurations).anyMatch(c -> c.options().quantization().recipe() == recipe);
    }
  }

  @Test
  void flagsChangeTheEngineAndTheRequest() {
    QualityConfiguration configuration =
        of(
                Device.CPU,
                "--quantize --fp8_recipe DelayedScaling  --use_magcache --magcache_ratios {ratios}"
                    + " --sample_steps 15")
            .get(1);
    VideoRequest request = configuration.requests().of(Task.T2V_A14B, "a", 1);
    assertThat(configuration.options().quantization().recipe())
        .isEqualTo(Quantization.Recipe.DELAYED);
    assertThat(request.sampling().steps()).isEqualTo(15);
    assertThat(((CacheSettings.MagCache) request.cache()).ratios()).isEqualTo(RATIOS);
  }

  @Test
  void aLoraFileIsComparedWithItselfMergedAndEverythingElseWithThePlainVideos() {
    List<QualityConfiguration> configurations =
        of(Device.CPU, "--quantize", "--quantize --lora {lora} --lora_mode side");
    assertThat(configurations)
        .extracting(QualityConfiguration::name, QualityConfiguration::against)
        .containsExactly(
            tuple("none", "none"),
            tuple("--lora {lora} --lora_mode merge", "--lora {lora} --lora_mode merge"),
            tuple("--quantize", "none"),
            tuple("--quantize --lora {lora} --lora_mode side", "--lora {lora} --lora_mode merge"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--no_such_flag|has no flag --no_such_flag",
        "--fp8_recipe DelayedScaling|without --quantize",
        "--quantize --fp8_recipe Wrong|give Float8CurrentScaling or",
        "--sample_steps 0|it takes a whole number from 1 to 1000",
        "--magcache_thresh 0.1|without --use_magcache",
        "--lora_mode side|without a LoRA file",
      })
  void whatGenerateRefusesIsRefusedBeforeAnythingIsMeasured(String line, String sentence) {
    assertThatThrownBy(() -> of(Device.CPU, line))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void aFileThatWasNotGivenIsAskedFor() {
    QualityConfigurations without = new QualityConfigurations(Device.CPU, COMMON, Map.of());
    assertThatThrownBy(() -> without.of(List.of("--lora {lora}")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("give it with --lora");
  }
}
