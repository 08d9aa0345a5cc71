package wan4j.cli.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.Progress;
import wan4j.VideoEngine;
import wan4j.bench.QualityBenchmark;
import wan4j.bench.QualityConfiguration;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.Report;
import wan4j.cli.MeasurementOptions;

/// `wan4j bench quality`: videos that accelerations make beside those without.
@Command(
    name = "quality",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "How near the videos of FP8 recipes, step caches and other accelerations are to those"
          + " without,",
      "on a small trained model (default: the demo's). Each configuration is flags of generate,"
          + " and",
      "each result is added to the file at once."
    })
final class BenchQualityCommand implements Callable<Integer> {
  private static final int MOST_PROMPTS = 20;

  @Option(names = "--device", defaultValue = "cuda", description = "cpu or cuda (default: cuda).")
  private String device;

  @Option(
      names = {"--ckpt_dir", "--checkpoint"},
      defaultValue = "demo/checkpoint/t2v",
      description = "The checkpoint (default: ${DEFAULT-VALUE}).")
  private Path checkpoint;

  @Option(
      names = "--name",
      description = "What the results call the checkpoint (default: its folder's name).")
  private String name;

  @Option(
      names = "--magcache_ratios",
      defaultValue = "demo/checkpoint/magcache-ratios.json",
      description =
          "Ratios of a calibration, measured first where there are none (default:"
              + " ${DEFAULT-VALUE}).")
  private Path ratios;

  @Option(names = "--lora", description = "A LoRA file of the checkpoint's (default: none).")
  private Path lora;

  @Option(
      names = "--prompts",
      paramLabel = "1.." + MOST_PROMPTS,
      defaultValue = "" + MOST_PROMPTS,
      description = "How many of the prompts (default: ${DEFAULT-VALUE}).")
  private int prompts;

  @Option(names = "--size", defaultValue = "96*96", description = "Default: ${DEFAULT-VALUE}.")
  private String size;

  @Option(
      names = {"--frame_num", "--frames"},
      paramLabel = "1..",
      defaultValue = "17",
      description = "Frames, 4n+1 (default: ${DEFAULT-VALUE}).")
  private int frames;

  @Option(
      names = {"--sample_steps", "--steps"},
      paramLabel = "1..1000",
      defaultValue = "20",
      description = "Solver steps (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = {"--sample_shift", "--shift"},
      defaultValue = "5",
      description = "How far noise levels are shifted up (default: ${DEFAULT-VALUE}).")
  private double shift;

  @Option(
      names = {"--sample_guide_scale", "--guidance"},
      defaultValue = "5",
      description = "Guidance (default: ${DEFAULT-VALUE}).")
  private String guidance;

  @Option(
      names = "--configurations",
      description = "Only name the configurations of this build, a line each.")
  private boolean isList;

  @Option(
      names = "--configuration",
      paramLabel = "FLAGS",
      description =
          "Flags of generate to measure, such as \"--quantize --fp8_recipe DelayedScaling\";"
              + " repeatable (default: all that --configurations names). {ratios} and {lora} stand"
              + " for the files of the flags above.")
  private List<String> chosen;

  @Option(
      names = "--also",
      paramLabel = "FLAGS",
      description = "Flags of generate to measure beside these; repeatable.")
  private List<String> also = List.of();

  @Mixin private MeasurementOptions measurements;

  @Override
  public Integer call() {
    Device where = Device.of(device);
    List<String> lines =
        new ArrayList<>(
            chosen == null ? QualityConfigurations.all(where, steps, lora != null) : chosen);
    lines.addAll(also);
    if (isList) {
      lines.forEach(System.out::println);
      return 0;
    }
    List<QualityConfiguration> configurations =
        new QualityConfigurations(where, common(), files()).of(lines);
    Consumer<List<Measurement>> file = measurements.file(where);
    if (!Files.exists(ratios)
        && lines.stream().anyMatch(line -> line.contains(QualityConfigurations.RATIOS))) {
      calibrate(where);
    }
    List<Measurement> all = new ArrayList<>();
    QualityBenchmark.run(
        name == null ? checkpoint.toAbsolutePath().normalize().getFileName().toString() : name,
        QualityBenchmark.PROMPTS.subList(0, prompts),
        configurations,
        results -> {
          all.addAll(results);
          file.accept(results);
        },
        System.err::println);
    Report.lines(all).forEach(System.out::println);
    return 0;
  }

  /// The flags that all configurations share.
  private List<String> common() {
    return List.of(
        "--ckpt_dir",
        checkpoint.toString(),
        "--size",
        size,
        "--any_size",
        "--frame_num",
        "" + frames,
        "--sample_steps",
        "" + steps,
        "--sample_shift",
        "" + shift,
        "--sample_guide_scale",
        guidance,
        "--offload_model",
        "False");
  }

  private Map<String, Path> files() {
    Map<String, Path> files = new HashMap<>();
    files.put(QualityConfigurations.RATIOS, ratios);
    if (lora != null) {
      files.put(QualityConfigurations.LORA, lora);
    }
    return files;
  }

  /// Measures MagCache's ratios with the first prompt and writes them to the file.
  private void calibrate(Device where) {
    List<String> flags = new ArrayList<>(common());
    flags.addAll(List.of("--magcache_calibration", ratios.toString()));
    QualityConfiguration calibration =
        new QualityConfigurations(where, flags, Map.of()).of(List.of()).getFirst();
    try (VideoEngine engine = VideoEngine.open(calibration.options())) {
      engine.sample(
          calibration.requests().of(engine.task(), QualityBenchmark.PROMPTS.getFirst(), 1),
          Progress.NONE);
    }
  }
}
