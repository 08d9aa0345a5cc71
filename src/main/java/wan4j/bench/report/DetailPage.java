package wan4j.bench.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;

/// The page of one file of measurements: the machine, then each benchmark with what it measures.
final class DetailPage {
  private static final String LAYERS = "layers";

  private DetailPage() {}

  /// Returns a page in Markdown; `name` is the file's, without its extension.
  static String of(String name, BenchmarkFile file) {
    Environment environment = file.environment();
    StringBuilder page = new StringBuilder("# %s: %s\n".formatted(name, environment.device()));
    page.append(
        """

        Written by `./wan4j bench report` from [`benchmarks/%s.json`](../../benchmarks/%s.json); the summary is
        [BENCHMARKS.md](../../BENCHMARKS.md). Figures are medians; the least and the largest run follow in
        brackets where one of them is more than 1 %% away. On a GPU, times of operations, blocks and networks are
        the GPU's own: all work is queued before the GPU starts it.
        """
            .formatted(name, name));
    List<String> head = List.of("device", "driver", "libraries", "commit", "date");
    List<String> cells =
        List.of(
            environment.device(),
            driver(environment),
            libraries(environment),
            environment.commit(),
            environment.date());
    page.append(MarkdownTable.of(head, head.size(), List.of(cells)));
    byBenchmark(file.results())
        .forEach((benchmark, results) -> {
          page.append("\n## ").append(benchmark).append('\n');
          page.append('\n').append(explanation(benchmark)).append('\n');
          page.append(benchmark.equals(LAYERS) ? LayerTable.of(results) : VariantTable.of(results));
        });
    return page.toString();
  }

  private static String driver(Environment environment) {
    return environment.cuda().isEmpty() || environment.driver().startsWith("serves")
        ? environment.driver()
        : "%s (serves CUDA %s)".formatted(environment.driver(), environment.cuda());
  }

  private static String libraries(Environment environment) {
    return environment.libraries().entrySet().stream()
        .map(library -> library.getKey() + " " + library.getValue())
        .collect(Collectors.joining(", "));
  }

  private static Map<String, List<Measurement>> byBenchmark(List<Measurement> results) {
    Map<String, List<Measurement>> groups = new LinkedHashMap<>();
    results.forEach(r -> groups.computeIfAbsent(r.benchmark(), _ -> new ArrayList<>()).add(r));
    return groups;
  }

  /// What a benchmark measures, and what its parameters and metrics mean.
  private static String explanation(String benchmark) {
    return switch (benchmark) {
      case "block" ->
          """
          One transformer block with random weights. Share N is the part of one of N GPUs: tokens / N in linear
          layers and norms, heads / N over all tokens in attention, without the exchange between them. Self-attention
          alone takes turns with the block; "time less self-attention" is the difference within each pair of runs.
          "Products" are the linear layers, "rest" is neither these nor attention; "host" is the time that the
          processor needs to queue one run while the GPU is idle.\
          """;
      case "reference block" ->
          """
          The same block in plain PyTorch (eager, bf16, cuDNN's attention), by `src/test/scripts/reference_block.py`,
          in one call with the blocks of [h100-block](h100-block.md).\
          """;
      case "forward" ->
          """
          A whole forward of one expert with random weights, as one of N GPUs computes it ("share"), without the
          exchange between them. "Host" is the time that the processor needs to queue it; "host overhead" is how much
          longer a forward takes that starts on an idle GPU.\
          """;
      case "gemm" ->
          "The linear layers of a block, one by one; lines without outputs are all layers of a"
              + " block together.";
      case LAYERS ->
          """
          How far linear layers in each FP8 recipe are from float32, with inputs of several distributions. The floor
          is the error of the recipe's quantisation alone: an exact product of the quantised numbers.\
          """;
      case "attention" ->
          "Attention alone; both kernels take turns, run by run, and their results are compared.";
      case "convolution" ->
          """
          The autoencoders' convolutions, one by one; both kernels take turns, run by run. "Added" includes the
          addition of a residual. wan4j takes the faster one of each.\
          """;
      case "collectives" ->
          """
          What ranks exchange, each exchange alone: through NCCL between GPUs, or by copies where ranks share a GPU.
          "Megabytes" are those of one rank, the rate is of what it sends to others. Times are of the slowest rank,
          eight exchanges together.\
          """;
      case "prediction" ->
          """
          Not measured: what the model of many GPUs (docs/many-gpus.md) makes of blocks measured on one GPU as the part of
          one of N, exchanges, and the other stages of a request.\
          """;
      case "vae" -> "Encoding or decoding of a whole video.";
      case "end" ->
          """
          The end of a request, after its last step: decoding alone, an mp4 of a moving synthetic picture alone, and
          both beside each other, which ends when the file has its name.\
          """;
      case "text" -> "The text encoder on prompts of full length.";
      case "load" ->
          """
          Weights from files in the page cache to the GPU, timed as a whole on the host. bf16 files are quantised on
          their way where a recipe is named.\
          """;
      case "lora" ->
          """
          LoRA files run beside the weights of all experts: the time to replace them by others ("files changed"),
          their memory, and a block without and with them.\
          """;
      case "lora command" ->
          """
          Commands of `generate` from their start to their exit with a full-size checkpoint in the page cache: without
          LoRA ("none"), with a LoRA file merged into the weights while they are loaded ("merge"), with the same file
          beside them ("side"). The three take turns; differences are those within each turn.\
          """;
      case "generate" ->
          """
          A whole request with random weights, stage by stage, in one process. "Peak memory" is all memory taken from
          the driver, "driver memory" the fall of the card's free memory, code of libraries included; "estimated
          memory" was computed before the run. Totals from fewer steps than the request has say "extrapolated".\
          """;
      case "start" ->
          "From opening the GPU to the first results, with an empty and a filled kernel cache.";
      case "quality" ->
          """
          Videos of 20 prompts by a small trained model against others of the same noise: those without any of these
          flags ("none"), or with the same LoRA file merged into the weights. On a GPU float32 stands for the floor:
          the distance of two ways to round the same computation. Quality is the median over the prompts.\
          """;
      case "demo" ->
          """
          The demo's models on prompts over all their colours, directions and shapes, by what the pixels of their videos
          show: the named colour in the first, middle and last frames; its centroid moving as the prompt says; the named
          shape by the moments of its outline and its hole in most frames. i2v is given a drawn first frame, ti2v with every
          second prompt. s2v is given drawn faces and synthetic voices: the correlation, over the frames of a video, of
          how far the mouth is open and how loud the sound is.\
          """;
      case "verify" ->
          """
          Reference cases made with PyTorch, by `./wan4j verify`: errors relative to the reference; a case passes
          below a share of 1 of its tolerance.\
          """;
      case "support" ->
          """
          Which scalings, epilogues and output types cuBLASLt can do in one product, and how fast; empty where it
          cannot.\
          """;
      default -> "";
    };
  }
}
