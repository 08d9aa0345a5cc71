package wan4j.cli.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.AttentionSettings.Attention;
import wan4j.Quantization;
import wan4j.bench.ManyGpusModel;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.BenchmarkFile;
import wan4j.bench.report.Report;
import wan4j.tensor.InputException;

/// `wan4j bench predict`: what a request would take on several GPUs, from measurements on one.
@Command(
    name = "predict",
    mixinStandardHelpOptions = true,
    description =
        "What a request would take on several GPUs of one host, from measurements on one; nothing"
            + " is run (docs/many-gpus.md).")
final class BenchPredictCommand implements Callable<Integer> {
  @Mixin private VideoOptions video;

  @Option(
      names = "--from",
      required = true,
      split = ",",
      description =
          "Files of measurements on one GPU, separated by commas: bench block, forward, generate,"
              + " and collectives of several.")
  private List<Path> files;

  @Option(
      names = "--gpus",
      paramLabel = "1..",
      defaultValue = "8",
      description = "How many (default: 8).")
  private int gpus;

  @Option(
      names = "--ulysses_size",
      paramLabel = "1..",
      description = "GPUs that share a forward (default: half of them with guidance).")
  private Integer sequence;

  @Option(
      names = "--fp8_recipe",
      description = "The recipe of the measured blocks (default: none).")
  private String recipe;

  @Option(
      names = "--attention",
      defaultValue = "auto",
      description = "Self-attention of the measured blocks, as bench block names it.")
  private String attention;

  @Option(
      names = {"--steps", "--sample_steps"},
      paramLabel = "1..1000",
      defaultValue = "40",
      description = "Steps (default: 40).")
  private int steps;

  @Option(
      names = "--forwards",
      paramLabel = "1..",
      description =
          "Forwards of both branches that a cache leaves, as bench generate counts them (default:"
              + " two a step).")
  private Integer forwards;

  @Option(
      names = "--overlap_exchange",
      description = "Some heads are exchanged beside attention of others.")
  private boolean overlaps;

  @Option(
      names = "--vae_efficiency",
      defaultValue = "0.9",
      description = "Share of N times the speed that the VAE has on N GPUs (default: 0.9).")
  private double vaeEfficiency;

  @Option(
      names = "--writing",
      defaultValue = "0",
      description = "Seconds from the last frame to the finished file (default: 0).")
  private double writing;

  @Option(names = "--json", description = "The file that the results are added to.")
  private Path target;

  @Override
  public Integer call() {
    Environment environment = null;
    List<Measurement> measured = new ArrayList<>();
    for (Path file : files) {
      BenchmarkFile read = BenchmarkFile.read(file);
      if (environment != null && !environment.device().equals(read.environment().device())) {
        throw new InputException(
            "--from got files of %s and of %s; give those of one GPU"
                .formatted(environment.device(), read.environment().device()));
      }
      environment = environment == null ? read.environment() : environment;
      measured.addAll(read.results());
    }
    Quantization.Recipe chosen =
        recipe == null ? Quantization.Recipe.NONE : Quantization.Recipe.of(recipe);
    Attention format = Attention.of(attention);
    ManyGpusModel.Question question =
        ManyGpusModel.Question.of(
            video.task(),
            video.size(),
            chosen.spelling(),
            format.isNarrow() ? format.spelling() : "wan4j",
            gpus,
            sequence == null ? 0 : sequence,
            steps,
            forwards == null ? 2 * steps : forwards,
            new ManyGpusModel.Shares(overlaps, vaeEfficiency, writing));
    List<Measurement> results = ManyGpusModel.predict(question, measured);
    Report.lines(results).forEach(System.out::println);
    if (target != null) {
      BenchmarkFile.append(target, environment, results);
    }
    return 0;
  }
}
