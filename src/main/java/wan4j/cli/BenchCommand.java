package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.AttentionBenchmark;
import wan4j.bench.AutoencoderBenchmark;
import wan4j.bench.BlockBenchmark;
import wan4j.bench.ConvolutionBenchmark;
import wan4j.bench.ForwardBenchmark;
import wan4j.bench.GenerateBenchmark;
import wan4j.bench.LayerErrorBenchmark;
import wan4j.bench.LoadBenchmark;
import wan4j.bench.LoraBenchmark;
import wan4j.bench.Measurement;
import wan4j.bench.ProductBenchmark;
import wan4j.bench.QualityBenchmark;
import wan4j.bench.Report;
import wan4j.bench.RequestSettings;
import wan4j.bench.StartBenchmark;
import wan4j.bench.SupportBenchmark;
import wan4j.bench.TextBenchmark;
import wan4j.bench.TransformerLoadBenchmark;
import wan4j.bench.TransformerLoadBenchmark.Form;
import wan4j.bench.UmT5Sizes;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// `wan4j bench`: full-size networks with random weights, timed; no checkpoint is needed.
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Times the full-size networks with random weights; no checkpoint is needed.",
    synopsisSubcommandLabel = "BENCHMARK",
    subcommands = {
      BenchCommand.Block.class,
      BenchCommand.Forward.class,
      BenchCommand.Autoencoder.class,
      BenchCommand.Text.class,
      BenchCommand.Products.class,
      BenchCommand.Layers.class,
      BenchCommand.Attention.class,
      BenchCommand.Convolutions.class,
      BenchCommand.Load.class,
      BenchCommand.Loras.class,
      BenchCommand.Generate.class,
      BenchCommand.Quality.class,
      BenchCommand.Start.class,
      BenchCommand.Support.class,
      BenchCommand.Page.class,
    })
final class BenchCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /// Without a benchmark there is only help to give.
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /// The video whose sizes a benchmark takes.
  static final class VideoOptions {
    @Option(
        names = "--task",
        defaultValue = "i2v-A14B",
        description = "t2v-A14B, i2v-A14B or ti2v-5B (default: i2v-A14B).")
    private String task;

    @Option(names = "--size", description = "Width*height (default: 1280*720, ti2v 1280*704).")
    private String size;

    @Option(names = "--frames", description = "Frames, 4n+1 (default: the task's).")
    private Integer frames;

    Task task() {
      return Task.of(task);
    }

    VideoSize size() {
      return task().size(size, frames);
    }

    boolean isGiven() {
      return size != null || frames != null;
    }
  }

  @Command(
      name = "block",
      mixinStandardHelpOptions = true,
      description = "One transformer block, as one of N GPUs does it.")
  static final class Block implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;
    @Mixin private ResidualOptions residual;

    @Option(names = "--share", defaultValue = "8", description = "N (default: 8).")
    private int share;

    @Option(names = "--tokens", description = "Tokens, in place of a video's size.")
    private Integer tokens;

    @Option(names = "--layers", description = "Blocks, with --tokens (default: 1).")
    private Integer layers;

    @Override
    public Integer call() {
      if (tokens == null) {
        if (layers != null) {
          throw new InputException("--layers was given without --tokens; add it, or use forward");
        }
        return options.run(
            residual, bench -> BlockBenchmark.ofVideo(bench, video.task(), video.size(), share));
      }
      if (video.isGiven()) {
        throw new InputException("--tokens and a video's size were both given; give one of them");
      }
      int blocks = layers == null ? 1 : layers;
      return options.run(
          residual, bench -> BlockBenchmark.ofTokens(bench, video.task(), tokens, share, blocks));
    }
  }

  @Command(
      name = "forward",
      mixinStandardHelpOptions = true,
      description = "A whole forward of a transformer, as one of N GPUs does it.")
  static final class Forward implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;
    @Mixin private ResidualOptions residual;

    @Option(names = "--share", defaultValue = "8", description = "N (default: 8).")
    private int share;

    @Option(names = "--layers", defaultValue = "0", description = "Blocks (default: all).")
    private int layers;

    @Override
    public Integer call() {
      return options.run(
          residual,
          bench -> ForwardBenchmark.run(bench, video.task(), video.size(), share, layers));
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

    @Override
    public Integer call() {
      boolean isBoth = decode == encode;
      return options.run(bench ->
          AutoencoderBenchmark.run(
              bench, video.task(), video.size(), isBoth || decode, isBoth || encode));
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
        defaultValue = "" + UmT5Sizes.TOKENS,
        description = "Tokens (default: " + UmT5Sizes.TOKENS + ").")
    private int tokens;

    @Option(names = "--prompts", defaultValue = "2", description = "Prompts (default: 2).")
    private int prompts;

    @Option(
        names = "--layers",
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

    @Option(
        names = "--task",
        defaultValue = "i2v-A14B",
        description = "The task whose transformer gives the shapes (default: i2v-A14B).")
    private String task;

    @Option(
        names = "--rows",
        defaultValue = "9450",
        description = "Rows (default: 9450, a share of 8 at 720P and 81 frames).")
    private int rows;

    @Override
    public Integer call() {
      return options.run(bench -> ProductBenchmark.run(bench, Task.of(task), rows));
    }
  }

  @Command(
      name = "layers",
      mixinStandardHelpOptions = true,
      description =
          "How far a block's linear layers are from float32 in the FP8 recipes, on inputs with outliers.")
  static final class Layers implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--task",
        defaultValue = "i2v-A14B",
        description = "The task whose transformer gives the shapes (default: i2v-A14B).")
    private String task;

    @Option(
        names = "--rows",
        defaultValue = "9450",
        description = "Rows (default: 9450, a share of 8 at 720P and 81 frames).")
    private int rows;

    @Override
    public Integer call() {
      return options.run(bench -> LayerErrorBenchmark.run(bench, Task.of(task), rows));
    }
  }

  @Command(
      name = "attention",
      mixinStandardHelpOptions = true,
      description = "Attention alone, in some of a transformer's heads, beside cuDNN's on a GPU.")
  static final class Attention implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--task",
        defaultValue = "i2v-A14B",
        description = "The task whose transformer gives the heads (default: i2v-A14B).")
    private String task;

    @Option(names = "--tokens", defaultValue = "75600", description = "Tokens (default: 75600).")
    private int tokens;

    @Option(names = "--keys", description = "Keys (default: the tokens).")
    private Integer keys;

    @Option(names = "--heads", defaultValue = "5", description = "Heads (default: 5).")
    private int heads;

    @Override
    public Integer call() {
      return options.run(bench ->
          AttentionBenchmark.run(
              bench, Task.of(task), tokens, keys == null ? tokens : keys, heads));
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
      name = "load",
      mixinStandardHelpOptions = true,
      description = "Loading of weights that are in the page cache, from files that it writes.")
  static final class Load implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--from",
        defaultValue = "f32",
        description =
            "f32: tensors of float32; bf16: a transformer, which --fp8_recipe quantises on its way; fp8: transformers in FP8 as convert writes them (default: f32).")
    private String from;

    @Option(names = "--gigabytes", description = "With f32, the file's size (default: 8).")
    private Double gigabytes;

    @Option(
        names = "--task",
        description = "With bf16 and fp8, the task of the transformers (default: i2v-A14B).")
    private String task;

    @Option(
        names = "--experts",
        description = "With bf16 and fp8, how many (default: 1 of bf16, 2 of fp8).")
    private Integer experts;

    @Option(names = "--layers", description = "With bf16 and fp8, their blocks (default: all).")
    private Integer layers;

    @Option(
        names = "--folder",
        defaultValue = "${sys:java.io.tmpdir}",
        description = "Where files are written (default: ${DEFAULT-VALUE}).")
    private Path folder;

    @Override
    public Integer call() {
      return switch (from) {
        case "f32" -> tensors();
        case "bf16" -> transformers(Form.BF16, 1);
        case "fp8" -> transformers(Form.F8_E4M3, 2);
        default ->
            throw new InputException("--from got \"%s\"; give f32, bf16 or fp8".formatted(from));
      };
    }

    private Integer tensors() {
      if (task != null || experts != null || layers != null) {
        throw new InputException(
            "--task, --experts or --layers was given for tensors of float32; add --from bf16 or --from fp8");
      }
      double size = gigabytes == null ? 8 : gigabytes;
      return options.run(bench -> LoadBenchmark.run(bench, folder, size));
    }

    private Integer transformers(Form form, int usual) {
      if (gigabytes != null) {
        throw new InputException(
            "--gigabytes was given for transformers, whose sizes are known; give --layers");
      }
      Task chosen = Task.of(task == null ? Task.I2V_A14B.spelling() : task);
      int count = experts == null ? usual : experts;
      int blocks = layers == null ? 0 : layers;
      return options.run(
          bench -> TransformerLoadBenchmark.run(bench, folder, chosen, form, count, blocks));
    }
  }

  @Command(
      name = "lora",
      mixinStandardHelpOptions = true,
      description = "LoRA files beside the weights of all experts: changing them, and their cost.")
  static final class Loras implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;

    @Option(names = "--share", defaultValue = "8", description = "N of a block (default: 8).")
    private int share;

    @Option(names = "--layers", defaultValue = "0", description = "Blocks (default: all).")
    private int layers;

    @Option(names = "--rank", defaultValue = "64", description = "The files' rank (default: 64).")
    private int rank;

    @Option(
        names = "--folder",
        defaultValue = "${sys:java.io.tmpdir}",
        description = "Where the files are written (default: ${DEFAULT-VALUE}).")
    private Path folder;

    @Override
    public Integer call() {
      return options.run(bench ->
          LoraBenchmark.run(bench, video.task(), video.size(), share, layers, rank, folder));
    }
  }

  @Command(
      name = "generate",
      mixinStandardHelpOptions = true,
      description = "A whole request, every stage timed.")
  static final class Generate implements Callable<Integer> {
    @Mixin private BenchOptions options;
    @Mixin private VideoOptions video;

    @Option(
        names = {"--steps", "--sample_steps"},
        defaultValue = "40",
        description = "Steps (default: 40).")
    private int steps;

    @Option(
        names = "--steps_measured",
        description = "Run so many steps and extrapolate the rest, which the results then say.")
    private Integer measured;

    @Option(names = "--layers", defaultValue = "0", description = "Blocks (default: all).")
    private int layers;

    @Option(
        names = "--park_text",
        description = "Free the text encoder once the prompts are encoded.")
    private boolean parksText;

    @Mixin private MagCacheOptions magCache;

    @Override
    public Integer call() {
      RequestSettings settings =
          new RequestSettings(
              video.task(),
              video.size(),
              steps,
              measured == null ? steps : measured,
              layers,
              magCache.settings() instanceof CacheSettings.MagCache cache ? cache : null,
              parksText);
      return options.runAsFound(
          (bench, found, log) -> GenerateBenchmark.run(bench, settings, found, log));
    }
  }

  @Command(
      name = "report",
      mixinStandardHelpOptions = true,
      description = "Writes BENCHMARKS.md from the files in benchmarks/.")
  static final class Page implements Callable<Integer> {
    @Option(names = "--folder", defaultValue = "benchmarks", description = "Where the files are.")
    private Path folder;

    @Option(names = "--out", defaultValue = "BENCHMARKS.md", description = "The page.")
    private Path target;

    @Override
    public Integer call() {
      PendingFile.write(target, Report.ofFolder(folder));
      return 0;
    }
  }

  @Command(
      name = "quality",
      mixinStandardHelpOptions = true,
      description =
          "How near the videos of FP8 recipes and MagCache are to those without, on the demo's text-to-video model.")
  static final class Quality implements Callable<Integer> {
    @Mixin private BenchOptions options;

    @Option(
        names = "--ckpt_dir",
        defaultValue = "demo/checkpoint/t2v",
        description = "The checkpoint (default: ${DEFAULT-VALUE}).")
    private Path checkpoint;

    @Option(
        names = "--magcache_ratios",
        defaultValue = "demo/checkpoint/magcache-ratios.json",
        description =
            "Ratios of a calibration, measured first where there are none (default: ${DEFAULT-VALUE}).")
    private Path ratios;

    @Override
    public Integer call() {
      return options.runOn(
          (device, arithmetic) -> QualityBenchmark.run(checkpoint, device, arithmetic, ratios));
    }
  }

  @Command(
      name = "start",
      mixinStandardHelpOptions = true,
      description =
          "A first start, which compiles the kernels that it needs, and the next one, which must not.")
  static final class Start implements Callable<Integer> {
    @Mixin private MeasurementOptions options;

    @Override
    public Integer call() {
      options.check(); // no more of it: the first start loads what a look at the device would load
      List<Measurement> results = StartBenchmark.run();
      Report.lines(results).forEach(System.out::println);
      options.file(Device.CUDA).accept(results);
      return StartBenchmark.compilesAgain(results) ? 1 : 0;
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
