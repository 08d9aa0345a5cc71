package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.BenchmarkFile;

/// `wan4j bench quality` on the demo's model at a tiny size.
final class BenchQualityTest {
  @TempDir Path folder;

  private Terminal quality(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("bench", "quality", "--device", "cpu", "--size", "32*32", "--frame_num", "5"));
    arguments.addAll(List.of("--steps", "4", "--prompts", "2", "--guidance", "2"));
    arguments.addAll(List.of(more));
    return Terminal.run(arguments.toArray(String[]::new));
  }

  private List<Measurement> measured(Path ratios, String... configurations) {
    Path file = folder.resolve("results.json");
    List<String> flags = new ArrayList<>(List.of("--json", file.toString(), "--commit", "abc"));
    flags.addAll(List.of("--magcache_ratios", ratios.toString()));
    for (String configuration : configurations) {
      flags.addAll(List.of("--configuration", configuration));
    }
    Terminal run = quality(flags.toArray(String[]::new));
    assertThat(run.code()).as(run.error()).isZero();
    return BenchmarkFile.read(file).results();
  }

  private static double median(List<Measurement> results, String flags, String metric) {
    return results.stream()
        .filter(r -> r.parameters().get("flags").equals(flags) && r.metric().equals(metric))
        .map(Measurement::median)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatIsEqualIsEqualWhatIsQuantisedIsNearAndSkippedForwardsAreCounted() {
    String same = "--sample_steps 4";
    String fewer = "--sample_steps 2";
    String quantised = "--quantize --fp8_recipe Float8BlockScaling";
    String skipping =
        "--use_magcache --magcache_ratios {ratios} --magcache_thresh 9 --magcache_K 4"
            + " --retention_ratio 0";
    Path ratios = folder.resolve("ratios.json");
    List<Measurement> results = measured(ratios, same, fewer, quantised, skipping);
    assertThat(ratios).as("was measured first").isNotEmptyFile();
    assertThat(median(results, same, "PSNR")).isEqualTo(100);
    assertThat(median(results, same, "SSIM")).isEqualTo(1);
    assertThat(median(results, same, "relative L2 of latents")).isZero();
    assertThat(median(results, quantised, "relative L2 of latents")).isBetween(0.001, 0.4);
    assertThat(median(results, quantised, "PSNR")).isBetween(median(results, fewer, "PSNR"), 60.0);
    assertThat(median(results, "none", "forwards computed")).isEqualTo(8);
    assertThat(median(results, fewer, "forwards computed")).isEqualTo(4);
    assertThat(median(results, skipping, "forwards computed")).isBetween(2.0, 6.0);
    assertThat(median(results, skipping, "relative L2 of latents")).isGreaterThan(0.01);
    assertThat(results)
        .allMatch(r -> r.runs() == 2 && r.parameters().get("checkpoint").equals("t2v"));
  }

  @Test
  void configurationsAreNamedWithoutBeingMeasured() {
    Terminal run = quality("--configurations", "--also", "--quantize --fp8_skip blocks.0");
    assertThat(run.code()).isZero();
    assertThat(run.out().lines())
        .contains("--sample_steps 3", "--quantize --fp8_recipe PerTokenScaling")
        .endsWith("--quantize --fp8_skip blocks.0")
        .noneMatch(line -> line.contains("--lora"));
  }

  @Test
  void flagsThatGenerateRefusesAreRefusedBeforeAnythingIsMeasured() {
    Terminal run = quality("--configuration", "--quantize --fp8_recipe Wrong");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("--fp8_recipe got \"Wrong\"").hasLineCount(1);
  }
}
