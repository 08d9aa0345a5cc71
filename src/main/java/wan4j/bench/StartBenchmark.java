package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.bench.measure.TimedCompiler;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.bench.random.UmT5Sizes;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.cuda.jit.NvrtcCompiler;
import wan4j.engine.Backends;
import wan4j.model.LatentGrid;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// The time of a first start, when no kernel has been compiled, and of the next one, which finds
/// the kernels cached: a full-width block in FP8 and in bfloat16, a layer of umT5, and a short
/// video through the autoencoder, each run once with random weights.
public final class StartBenchmark {
  private static final String NAME = "start";
  private static final String COMPILED = "kernels compiled";
  private static final String KEPT = "kept";
  private static final Task TASK = Task.I2V_A14B;
  private static final int SHARE = 8;

  private StartBenchmark() {}

  /// What one start is measured with.
  ///
  /// @param block the video whose tokens the blocks take
  /// @param decoded the video of the autoencoder
  record Sizes(VideoSize block, VideoSize decoded) {}

  /// Measures both starts; throws `InputException` when there is no GPU.
  public static List<Measurement> run() {
    return run(
        new Sizes(new VideoSize(1280, 720, 81), new VideoSize(256, 256, 9)),
        new NvrtcCompiler(),
        cache -> Backends.open(Arithmetic.BFLOAT16, cache));
  }

  /// Says whether the second start had to compile something again.
  public static boolean compilesAgain(List<Measurement> results) {
    return results.stream()
        .filter(result -> result.metric().equals(COMPILED))
        .filter(result -> result.parameters().get("kernel cache").equals(KEPT))
        .anyMatch(result -> result.median() > 0);
  }

  /// Measures both starts with backends that `open` makes of a cache of kernels.
  static List<Measurement> run(
      Sizes sizes, KernelCompiler compiler, Function<KernelCache, Ops> open) {
    try (TemporaryFolder folder = TemporaryFolder.ofJava()) {
      List<Measurement> results = new ArrayList<>();
      for (String state : List.of("empty", KEPT)) {
        TimedCompiler timed = new TimedCompiler(compiler, System::nanoTime);
        KernelCache cache = new KernelCache(timed, folder.path(), false);
        results.addAll(start(sizes, state, timed, cache, open));
      }
      return results;
    }
  }

  private static List<Measurement> start(
      Sizes sizes,
      String state,
      TimedCompiler compiler,
      KernelCache cache,
      Function<KernelCache, Ops> open) {
    Workbench.Settings settings =
        new Workbench.Settings(Device.CUDA, Arithmetic.BFLOAT16, Quantization.Recipe.NONE, 0, 1);
    long start = System.nanoTime();
    try (Workbench bench = new Workbench(settings, open.apply(cache))) {
      Map<String, Object> parameters = bench.parameters(TASK, SHARE);
      parameters.put("recipe", "both");
      parameters.put("size", sizes.block.sides());
      parameters.put("frames", sizes.block.frames());
      parameters.put("kernel cache", state);
      List<Measurement> results = new ArrayList<>();
      Stages stages = new Stages(bench, parameters, results);
      stages.add("opening", start);
      stages.run("block in FP8", () -> block(bench, sizes.block, Precision.FLOAT8_TOKEN));
      stages.run("block in bf16", () -> block(bench, sizes.block, Precision.PLAIN));
      stages.run("layer of umT5", () -> text(bench));
      stages.run("VAE", () -> autoencoder(bench, sizes.decoded));
      stages.add("time", start);
      cache.await(); // kernels of layers that this run had no use for
      results.add(Measurement.of(NAME, parameters, COMPILED, "", compiler.count()));
      results.add(
          Measurement.of(NAME, parameters, "compiling, on all threads", "s", compiler.sum()));
      results.add(Measurement.of(NAME, parameters, "slowest kernel", "s", compiler.slowest()));
      return results;
    }
  }

  /// Times of parts of a start.
  private record Stages(
      Workbench bench, Map<String, Object> parameters, List<Measurement> results) {
    void run(String metric, Runnable work) {
      long start = System.nanoTime();
      work.run();
      bench.ops().synchronize();
      add(metric, start);
    }

    void add(String metric, long start) {
      double seconds = (System.nanoTime() - start) / 1e9;
      results.add(Measurement.of(NAME, parameters, metric, "s", seconds));
    }
  }

  private static void block(Workbench bench, VideoSize size, Precision precision) {
    TransformerConfig config = RandomWeights.config(TASK, 1);
    LatentGrid grid = ModelShapes.tokens(TASK, size);
    ShareOfGroup group = new ShareOfGroup(SHARE);
    group.require(grid.tokens(), config.heads());
    try (WanTransformer transformer =
            new WanTransformer(
                config,
                RandomWeights.transformer(config, 1),
                bench.ops(),
                group,
                PrecisionTable.of(precision, List.of()));
        RandomBlocks blocks = new RandomBlocks(bench, transformer, grid, SHARE)) {
      blocks.runFirst();
      bench.ops().synchronize();
    }
  }

  private static void text(Workbench bench) {
    Ops ops = bench.ops();
    try (UmT5Encoder encoder = new UmT5Encoder(RandomWeights.umT5(1), ops);
        var _ = ops.scope()) {
      encoder.encode(TextBenchmark.ids(UmT5Sizes.TOKENS), UmT5Sizes.TOKENS);
      ops.synchronize();
    }
  }

  private static void autoencoder(Workbench bench, VideoSize size) {
    Ops ops = bench.ops();
    try (VideoAutoencoder vae = AutoencoderBenchmark.open(TASK, ops);
        var _ = ops.scope()) {
      Tensor video = bench.random(DType.F32, 0.5f, 3, size.frames(), size.height(), size.width());
      vae.decode(vae.encode(video), (_, features) -> ops.pixels(features));
      ops.synchronize();
    }
  }
}
