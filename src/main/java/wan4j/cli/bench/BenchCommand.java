package wan4j.cli.bench;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.Task;
import wan4j.bench.AttentionBenchmark;
import wan4j.bench.AutoencoderBenchmark;
import wan4j.bench.ConvolutionBenchmark;
import wan4j.bench.EndBenchmark;
import wan4j.bench.ForwardBenchmark;
import wan4j.bench.LayerErrorBenchmark;
import wan4j.bench.ProductBenchmark;
import wan4j.bench.SupportBenchmark;
import wan4j.bench.TextBenchmark;
import wan4j.bench.random.UmT5Sizes;
import wan4j.bench.report.Pages;
import wan4j.cli.MeasurementOptions;
import wan4j.cli.ResidualOptions;

/// `wan4j bench`: full-size networks with random weights, timed; no checkpoint is needed.
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Times the full-size networks with random weights; no checkpoint is needed.",
    synopsisSubcommandLabel = "BENCHMARK",
    subcommands = {
      BenchBlockCommand.class,
      BenchCommand.Forward.class,
      BenchCommand.Autoencoder.class,
      BenchCommand.End.class,
      BenchCommand.Text.class,
      BenchCommand.Products.class,
      BenchCommand.Layers.class,
      BenchCommand.Attention.class,
      BenchCommand.Convolutions.class,
      BenchCollectivesCommand.class,
      BenchShardsCommand.class,
      BenchPredictCommand.class,
      BenchLoadCommand.class,
      BenchLoraCommand.class,
      BenchGenerateCommand.class,
      BenchQualityCommand.class,
      BenchDemoCommand.class,
      BenchStartCommand.class,
      BenchCommand.Support.class,
      BenchCommand.Page.class,
    })
public final class BenchCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /// Without a benchmark there is only help to give.
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  @Command(
      name = "forward",
      mixinStandardHelpOptions = true,
      description = "A whole forward of a transformer, as one of N GPUs does it.")
  static final class Forward implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;
    @Mixin private ResidualOptions residual;
    @Mixin private ShareOptions share;
    @Mixin private BlocksOptions blocks;
    @Mixin private SelfAttentionOptions attention;

    @Override
    public Integer call() {
      return options.run(
          residual,
          bench ->
              ForwardBenchmark.run(
                  bench,
                  video.task(),
                  video.size(),
                  share.count(),
                  blocks.count(),
                  attention.attention()));
    }
  }

  @Command(
      name = "vae",
      mixinStandardHelpOptions = true,
      description = "Decoding and encoding of a video.")
  static final class Autoencoder implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;

    @Option(names = "--decode", description = "Decoding alone.")
    private boolean decode;

    @Option(names = "--encode", description = "Encoding alone.")
    private boolean encode;

    @Option(
        names = "--gpus",
        paramLabel = "1..",
        defaultValue = "1",
        description = "GPUs that take the pieces of a video in turn (default: 1).")
    private int gpus;

    @Option(names = "--share_gpu", description = "All ranks of --gpus use one GPU.")
    private boolean sharesGpu;

    @Override
    public Integer call() {
      boolean isBoth = decode == encode;
      Ranks ranks = sharesGpu ? Ranks.of(gpus).sharing() : Ranks.of(gpus);
      if (!ranks.isAlone()) {
        return options.runProcesses(settings ->
            AutoencoderBenchmark.ofRanks(
                settings, ranks, video.task(), video.size(), isBoth || decode, isBoth || encode));
      }
      return options.run(bench ->
          AutoencoderBenchmark.run(
              bench, video.task(), video.size(), isBoth || decode, isBoth || encode));
    }
  }

  @Command(
      name = "end",
      mixinStandardHelpOptions = true,
      description =
          "The end of a request: decoding alone, an mp4 of a moving synthetic picture alone, and"
              + " both beside each other.")
  static final class End implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;

    @Option(names = "--encoder", description = "openh264, x264 or nvenc (default: as in generate).")
    private String encoder;

    @Override
    public Integer call() {
      return options.run(bench -> EndBenchmark.run(bench, video.task(), video.size(), encoder));
    }
  }

  @Command(
      name = "text",
      mixinStandardHelpOptions = true,
      description = "Encoding of prompts by umT5-XXL.")
  static final class Text implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--tokens",
        paramLabel = "1..",
        defaultValue = "" + UmT5Sizes.TOKENS,
        description = "Tokens (default: " + UmT5Sizes.TOKENS + ").")
    private int tokens;

    @Option(
        names = "--prompts",
        paramLabel = "1..",
        defaultValue = "2",
        description = "Prompts (default: 2).")
    private int prompts;

    @Option(
        names = "--layers",
        paramLabel = "1.." + UmT5Sizes.LAYERS,
        defaultValue = "" + UmT5Sizes.LAYERS,
        description = "Layers (default: all " + UmT5Sizes.LAYERS + ").")
    private int layers;

    @Override
    public Integer call() {
      return options.run(bench -> TextBenchmark.run(bench, tokens, prompts, layers));
    }
  }

  @Command(
      name = "gemm",
      mixinStandardHelpOptions = true,
      description = "The linear layers of a block, one by one.")
  static final class Products implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private LinearLayerOptions layers;

    @Override
    public Integer call() {
      return options.run(bench -> ProductBenchmark.run(bench, layers.task(), layers.rows()));
    }
  }

  @Command(
      name = "layers",
      mixinStandardHelpOptions = true,
      description =
          "How far a block's linear layers are from float32 in the FP8 recipes, on inputs with"
              + " outliers.")
  static final class Layers implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private LinearLayerOptions layers;

    @Override
    public Integer call() {
      return options.run(bench -> LayerErrorBenchmark.run(bench, layers.task(), layers.rows()));
    }
  }

  @Command(
      name = "attention",
      mixinStandardHelpOptions = true,
      description =
          "Attention alone in every precision, in some of a transformer's heads, beside cuDNN's on"
              + " a GPU.")
  static final class Attention implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--task",
        defaultValue = "i2v-A14B",
        description = "The task whose transformer gives the heads (default: i2v-A14B).")
    private String task;

    @Option(
        names = "--tokens",
        paramLabel = "1..",
        defaultValue = "75600",
        description = "Tokens (default: 75600).")
    private int tokens;

    @Option(names = "--keys", paramLabel = "1..", description = "Keys (default: the tokens).")
    private Integer keys;

    @Option(
        names = "--heads",
        paramLabel = "1..",
        defaultValue = "5",
        description = "Heads (default: 5).")
    private int heads;

    @Option(
        names = "--key_blocks",
        description = "Also over a quarter of the keys, listed in blocks of 64.")
    private boolean isListed;

    @Option(
        names = "--errors",
        description =
            "Also the errors of every precision against float64, on several kinds of data.")
    private boolean hasErrors;

    @Override
    public Integer call() {
      AttentionBenchmark.Sizes sizes =
          new AttentionBenchmark.Sizes(
              tokens, keys == null ? tokens : keys, heads, isListed, hasErrors);
      return options.run(bench -> AttentionBenchmark.run(bench, Task.of(task), sizes));
    }
  }

  @Command(
      name = "convolution",
      mixinStandardHelpOptions = true,
      description = "The autoencoders' convolutions one by one, beside cuDNN's.")
  static final class Convolutions implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Override
    public Integer call() {
      return options.run(ConvolutionBenchmark::run);
    }
  }

  @Command(
      name = "report",
      mixinStandardHelpOptions = true,
      description =
          "Writes BENCHMARKS.md, the pages in docs/benchmarks and README's table from the files in"
              + " benchmarks/.")
  static final class Page implements Callable<Integer> {
    @Option(
        names = "--folder",
        defaultValue = "benchmarks",
        description = "The folder of the files (default: benchmarks).")
    private Path folder;

    @Option(
        names = "--out",
        defaultValue = ".",
        description = "The folder of the pages (default: the working folder).")
    private Path target;

    @Override
    public Integer call() {
      Pages.read(folder).write(target);
      return 0;
    }
  }

  @Command(
      name = "support",
      mixinStandardHelpOptions = true,
      description =
          "Which ways of scaling, epilogues and output types cuBLASLt can do in one product.")
  static final class Support implements Callable<Integer> {
    @Mixin private MeasurementOptions options;

    @Override
    public Integer call() {
      return options.tell(Device.CUDA, SupportBenchmark::run);
    }
  }
}
