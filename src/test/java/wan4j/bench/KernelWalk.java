package wan4j.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import wan4j.CacheSettings;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.random.RandomWeights;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.StepCache;
import wan4j.cuda.CudaOps;
import wan4j.cuda.CudaTypes;
import wan4j.cuda.HollowGpus;
import wan4j.cuda.HollowGpus.Hollow;
import wan4j.cuda.KernelInstances;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.engine.MagCacheSchedules;
import wan4j.media.CharacterVideos;
import wan4j.media.Picture;
import wan4j.model.ClipVision;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.FaceEncoder;
import wan4j.model.MotionEncoder;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SequenceGroup;
import wan4j.ops.SideBranch;
import wan4j.pipeline.CharacterAnimation;
import wan4j.pipeline.Clip;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Course;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Wav2Vec2Config;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// Runs the full-size networks in every arithmetic and recipe on GPUs that do nothing, those of
/// hollow.c, and writes down which instances of kernels the CUDA backend has compiled for them.
/// Runs in a process of its own, which has loaded no other libraries.
final class KernelWalk {
  private static final int GPUS = 3;
  private static final int LAYERS =
      2; // a first block finds nothing to add to the stream, others do
  private static final int STEPS = 4;
  private static final int RANK = 32;
  private static final int PAST = 19; // latent frames before a clip
  private static final int FACE = 512; // height and width
  private static final Path LISTS = Path.of("src/test/resources/golden/manifests-s2v-animate");
  private static final VideoSize SMALL = new VideoSize(512, 512, 17); // of more than 1024 tokens
  private static final int[] WORDS = {20, 126, 512};

  /// A compiler that notes what it is given.
  private record Recorder(Set<String> instances) implements KernelCompiler {
    @Override
    public String version() {
      return "a compiler that notes";
    }

    @Override
    public byte[] compile(
        String name, String program, Map<String, String> headers, List<String> options) {
      instances.add(KernelInstances.line(program));
      return new byte[] {1};
    }
  }

  private final Ops ops;
  private final boolean isWhole;
  private final boolean hasFaces;
  private final Path folder;
  private final Consumer<String> phases;

  /// Creates a walk on a backend; `phases` is told what begins, and `folder` takes files. What is
  /// not the whole walk leaves out what only repeats instances: the FP8 recipes, solvers and large
  /// videos of Animate, whose blocks are those of image-to-video and whose inputs take the host
  /// longer than all the rest. `hasFaces` says whether the encoders of faces are also run by
  /// themselves, beside Animate's transformer that holds them.
  KernelWalk(Ops ops, boolean isWhole, boolean hasFaces, Path folder, Consumer<String> phases) {
    this.ops = ops;
    this.isWhole = isWhole;
    this.hasFaces = hasFaces;
    this.folder = folder;
    this.phases = phases;
  }

  /// Takes whether the walk is the whole one, an empty folder and three files: writes the instances
  /// to the first, one a line, and beside it, for each width of a transformer, those that usual
  /// requests ask for, in their order; and what [MemoryWalk] counts on the first GPU and without
  /// one to the others.
  public static void main(String[] arguments) throws IOException {
    boolean isWhole = Boolean.parseBoolean(arguments[0]);
    Path folder = Path.of(arguments[1]);
    for (Task task : List.of(Task.I2V_A14B, Task.TI2V_5B)) {
      Path list = Path.of(arguments[2]).resolveSibling(list(config(task).dim()));
      Files.write(list, usual(task, folder));
    }
    Set<String> instances = new ConcurrentSkipListSet<>();
    KernelCache cache = new KernelCache(new Recorder(instances), folder.resolve("cubins"), false);
    List<String> device = new ArrayList<>();
    List<String> planned = new ArrayList<>();
    for (int gpu = 0; gpu < GPUS; gpu++) {
      for (CudaTypes types :
          List.of(CudaTypes.BFLOAT16, CudaTypes.BFLOAT16_RESIDUAL, CudaTypes.FLOAT32)) {
        if (gpu > 0 && types.equals(CudaTypes.BFLOAT16_RESIDUAL) && !isWhole) {
          continue; // where products differ, a residual of other numbers changes nothing
        }
        try (CudaOps ops = new CudaOps(gpu, types, cache)) {
          if (gpu == 0) {
            device.addAll(MemoryWalk.device(ops, isWhole, folder, types));
            planned.addAll(MemoryWalk.planned(isWhole, folder, types));
          } else {
            new KernelWalk(ops, isWhole, isWhole, folder, _ -> {}).run();
          }
        }
      }
    }
    cache.await();
    Files.write(Path.of(arguments[2]), instances);
    Files.write(Path.of(arguments[3]), device);
    Files.write(Path.of(arguments[4]), planned);
  }

  /// Returns the name of the list of a width.
  static String list(int width) {
    return "kernels-%d.txt".formatted(width);
  }

  /// Returns what a usual request of a task asks for besides attention, in the order in which it
  /// does.
  private static List<String> usual(Task task, Path folder) {
    Set<String> instances = Collections.synchronizedSet(new LinkedHashSet<>());
    KernelCache cache = new KernelCache(new Recorder(instances), folder.resolve("usual"), false);
    try (Ops ops = new CudaOps(0, CudaTypes.BFLOAT16, cache)) {
      KernelWalk walk = new KernelWalk(ops, false, false, folder, _ -> {});
      walk.text();
      walk.autoencoder(task);
      Weights weights = HollowGpus.weights(RandomWeights.transformer(config(task), 1), DType.F32);
      for (Precision recipe : List.of(Precision.PLAIN, Precision.FLOAT8_TOKEN)) {
        walk.transformer(task, weights, recipe);
      }
    }
    cache.await();
    Predicate<String> isEarly = line -> line.startsWith("patchconvolution"); // as layers are loaded
    return Stream.concat(
            instances.stream().filter(line -> !isEarly.test(line) && !line.startsWith("attention")),
            instances.stream().filter(isEarly).sorted()) // which threads have found in any order
        .toList();
  }

  /// Runs a usual request's steps.
  private void transformer(Task task, Weights weights, Precision recipe) {
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    try (Experts experts =
            new Experts(
                config(task),
                List.of(Expert.SINGLE),
                0,
                false,
                _ -> DiffusionNetwork.load(config(task), weights, ops, SequenceGroup.SOLO, table));
        VideoAutoencoder vae = AutoencoderBenchmark.open(task, ops)) {
      new Run(task, vae, experts).denoise(Sampler.UNIPC, task.size(null, null), false);
    }
  }

  void run() {
    text();
    groups();
    if (ops.activation() == DType.BF16) {
      narrowAttention();
    }
    ranks();
    encoders();
    if (hasFaces) {
      faces();
    }
    for (Task task : Task.values()) {
      autoencoder(task);
      Weights weights = HollowGpus.weights(RandomWeights.transformer(config(task), 1), DType.F32);
      Path file = lora(weights);
      for (Precision recipe : Precision.values()) {
        boolean isLeftOut = !isWhole && task == Task.ANIMATE_14B && recipe.isFloat8();
        if (recipe != Precision.FLOAT32 && !isLeftOut) { // a layer's, never a network's
          transformer(task, weights, file, recipe);
        }
      }
    }
    uneven();
  }

  private void text() {
    try (UmT5Encoder encoder =
        new UmT5Encoder(HollowGpus.weights(RandomWeights.umT5(1), DType.BF16), ops)) {
      for (int words : WORDS) {
        phases.accept("text of %d words".formatted(words));
        try (var _ = ops.scope()) {
          encoder.encode(TextBenchmark.ids(words), words);
        }
      }
    }
  }

  /// What eight ranks ask for that regroup the heads of one another, of either width.
  private void ranks() {
    try (var _ = ops.scope()) {
      for (int columns : new int[] {5120, 3072}) {
        int own = columns / 8;
        Tensor x = ops.empty(ops.activation(), 9450, 8, own);
        ops.swap(x, ops.empty(ops.activation(), 8, 9450, own));
      }
    }
  }

  /// What the audio injectors and the face adapter ask for beside layers that all blocks have: each
  /// token sees five keys in heads of 128.
  private void groups() {
    try (Parameters parameters = ops.parameters();
        var _ = ops.scope()) {
      Tensor query = ops.empty(ops.activation(), 3000, 40, 128);
      Tensor keys = ops.empty(ops.activation(), 10, 40, 128);
      Tensor rows = ops.empty(DType.I32, 3000);
      for (Precision recipe : Precision.values()) {
        if (recipe == Precision.FLOAT32) {
          continue;
        }
        Linear out = out(parameters, 5120, recipe);
        ops.groupedAttention(
            new Heads(query, keys, keys), rows, 5, 0.1, out.input(Branch.CONDITIONAL));
      }
    }
  }

  /// FP8 layers whose sides matrix units do not take, one behind the other, with a LoRA beside
  /// them.
  private void uneven() {
    Tensor part = Tensor.of(new float[1000], 1, 1000);
    Tensor first = Tensor.of(new int[37], 37);
    for (Precision recipe : Precision.values()) {
      if (!recipe.isFloat8()) {
        continue;
      }
      phases.accept("uneven layers in " + recipe);
      try (Parameters parameters = ops.parameters();
          Parameters home = ops.parameters();
          var _ = ops.scope()) {
        Linear up = parameters.linear(uneven(1004, 1000), unevenBias(1004), recipe);
        Linear down = parameters.linear(uneven(1000, 1004), List.of(), recipe);
        Tensor x = ops.empty(ops.residual(), 37, 1000);
        Tensor modulation = ops.upload(part, DType.F32);
        Tensor rows = ops.upload(first, DType.I32);
        for (int run = 0; run < 2; run++) {
          OperandFormat want = up.input(Branch.CONDITIONAL);
          Operand normed = ops.modulatedNorm(x, modulation, modulation, rows, 1e-6, want);
          Operand inner =
              ops.linear(normed, up, Activation.GELU_TANH, down.input(Branch.CONDITIONAL));
          ops.linear(inner, down, Activation.NONE);
          parameters.restart();
          ops.operand(ops.empty(ops.activation(), 37, 1000), want);
          TensorSource thin = new Hollow("down", Shape.of(RANK, 1004), DType.BF16);
          TensorSource tall = new Hollow("up", Shape.of(1000, RANK), DType.BF16);
          home.attach(down, List.of(new SideBranch.LowRank(0, thin, tall, 1)));
        }
        Tensor heads = ops.empty(ops.activation(), 37, 10, 100);
        Heads attended = new Heads(heads, heads, heads);
        parameters.restart();
        ops.attention(attended, 0.1, up.input(Branch.CONDITIONAL));
      }
    }
  }

  /// Self-attention in 8 bits, and over lists of key blocks, as a transformer's blocks ask for it
  /// in every recipe.
  private void narrowAttention() {
    List<AttentionFormat> formats =
        Stream.<AttentionFormat>concat(
                Stream.of(AttentionFormat.Simple.PLAIN),
                Stream.of(AttentionFormat.EightBit.values()))
            .toList();
    for (Task task : List.of(Task.T2V_A14B, Task.TI2V_5B)) {
      TransformerConfig config = config(task);
      int heads = config.heads();
      int tokens = 3000;
      phases.accept("attention of %s".formatted(task));
      try (Parameters parameters = ops.parameters();
          var _ = ops.scope()) {
        Tensor qkv = ops.empty(ops.activation(), tokens, 3L * config.dim());
        Tensor norm = ops.empty(DType.F32, config.dim());
        Tensor rope = ops.empty(DType.F32, tokens, config.headDim());
        for (AttentionFormat format : formats) {
          Tensor spare = ops.empty(ops.activation(), tokens, config.dim());
          AttentionInput input = ops.attentionInput(format, heads, spare, SequenceGroup.SOLO);
          ops.queryKeyValue(qkv, norm, norm, 1e-6, rope, SequenceGroup.SOLO, input);
          int tiles = Math.ceilDiv(tokens, KeyBlocks.queries(format));
          KeyBlocks blocks =
              new KeyBlocks(
                  ops.empty(DType.I32, heads, tiles), ops.empty(DType.I32, heads, tiles, 12));
          for (Precision recipe : Precision.values()) {
            if (recipe != Precision.FLOAT32) { // a layer's, never a network's
              Linear dense = out(parameters, config.dim(), recipe);
              Linear listed = out(parameters, config.dim(), recipe);
              for (int step = 0;
                  step < 2;
                  step++) { // delayed scaling knows its scale in the second
                ops.attention(input, 0.1, dense.input(Branch.CONDITIONAL));
                ops.attention(input, blocks, 0.1, listed.input(Branch.CONDITIONAL));
              }
            }
          }
          Heads plain = new Heads(spare(tokens, heads), spare(tokens, heads), spare(tokens, heads));
          ops.writeHeads(plain, SequenceGroup.SOLO, input);
        }
      }
    }
  }

  private static List<TensorSource> uneven(int outputs, int inputs) {
    return List.of(new Hollow("uneven", Shape.of(outputs, inputs), DType.F32));
  }

  private static List<TensorSource> unevenBias(int outputs) {
    return List.of(new Hollow("bias", Shape.of(outputs), DType.F32));
  }

  private Tensor spare(int tokens, int heads) {
    return ops.empty(ops.activation(), tokens, heads, 128);
  }

  private static Linear out(Parameters parameters, int dim, Precision recipe) {
    return parameters.linear(
        List.of(new Hollow("out", Shape.of(dim, dim), DType.BF16)), List.of(), recipe);
  }

  /// The networks of speech and animation beside their transformers, by lists of their tensors.
  private void encoders() {
    Weights speech = HollowGpus.weights(listed("wav2vec2-large-xlsr-53-english"), DType.F32);
    List<Integer> strides = List.of(5, 2, 2, 2, 2, 2, 2);
    try (Wav2Vec2 network = new Wav2Vec2(new Wav2Vec2Config(16, strides, 16, 1e-5), speech, ops)) {
      network.mix(
          Tensor.of(new float[64_000], 64_000), new double[network.entries()], Integer.MAX_VALUE);
    }
    Weights clip = HollowGpus.weights(listed("clip-vit-h-14"), DType.F16);
    try (ClipVision network = new ClipVision(clip, ClipVision.HEADS, ops);
        var _ = ops.scope()) {
      network.encode(Tensor.of(new float[3 * 224 * 224], 3, 224, 224));
    }
  }

  private void faces() {
    Weights animate = HollowGpus.weights(listed("dit-animate-14B"), DType.BF16);
    try (MotionEncoder network = new MotionEncoder(animate.at("motion_encoder"), ops);
        FaceEncoder face = new FaceEncoder(animate.at("face_encoder"), ops);
        var _ = ops.scope()) {
      int size = network.size();
      Tensor pictures = Tensor.of(new byte[9 * size * size * 3], 9, size, size, 3);
      face.encode(network.encode(pictures));
    }
  }

  private static Weights listed(String network) {
    return Weights.ofShapes(LISTS.resolve(network + ".json"));
  }

  private void autoencoder(Task task) {
    boolean isNew = task == Task.TI2V_5B;
    Weights weights =
        HollowGpus.weights(isNew ? RandomWeights.vae22() : RandomWeights.vae21(), DType.F32);
    try (VideoAutoencoder vae = isNew ? new WanVae22(weights, ops) : new WanVae21(weights, ops)) {
      for (String sides : task.sizes()) {
        phases.accept("autoencoder of %s, %s".formatted(task, sides));
        try (var _ = ops.scope()) {
          VideoSize size = VideoSize.of(sides, 17);
          Tensor video = ops.empty(DType.F32, 3, size.frames(), size.height(), size.width());
          vae.decode(vae.encode(video), (_, features) -> ops.pixels(features));
        }
      }
    }
  }

  private static TransformerConfig config(Task task) {
    return RandomWeights.config(task, LAYERS);
  }

  private void transformer(Task task, Weights weights, Path file, Precision recipe) {
    TransformerConfig config = config(task);
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    try (Experts experts =
            new Experts(
                config,
                List.of(Expert.SINGLE),
                0,
                false,
                _ -> DiffusionNetwork.load(config, weights, ops, SequenceGroup.SOLO, table));
        VideoAutoencoder vae =
            AutoencoderBenchmark.open(task, ops); // random, as benchmarks have it
        Lora lora = Lora.read(file)) {
      phases.accept("%s in %s".formatted(task, recipe));
      Run run = new Run(task, vae, experts);
      run.denoise(Sampler.EULER, SMALL, false);
      // what sizes, solvers and caches change is in no FP8 layer
      if (recipe == Precision.PLAIN && (isWhole || task != Task.ANIMATE_14B)) {
        run.denoise(Sampler.EULER, task.size(null, null), false);
        for (Sampler sampler : Sampler.values()) {
          run.denoise(sampler, SMALL, true);
          run.denoise(sampler, SMALL, false);
        }
      }
      phases.accept("%s in %s with LoRA".formatted(task, recipe));
      experts.get(Expert.SINGLE).adapt(List.of(new LoraApplication(lora, 1)));
      run.denoise(Sampler.EULER, SMALL, false);
    }
  }

  /// Requests of one task.
  private final class Run {
    private final Task task;
    private final VideoAutoencoder vae;
    private final Experts experts;

    Run(Task task, VideoAutoencoder vae, Experts experts) {
      this.task = task;
      this.vae = vae;
      this.experts = experts;
    }

    void denoise(Sampler sampler, VideoSize size, boolean isCalibrating) {
      Course course = course(size);
      Shape shape = course.latents(vae);
      int words = experts.config().textDim();
      Tensor states = Tensor.of(new float[words], 1, words);
      Tensor noise = Tensor.of(new float[Math.toIntExact(shape.count())], shape.toArray());
      Task.Defaults defaults = task.defaults();
      SamplingPlan plan =
          new SamplingPlan(
              sampler,
              size.equals(SMALL) ? STEPS : 2,
              defaults.shift(),
              defaults.lowGuidance(),
              defaults.highGuidance());
      try (var _ = ops.scope()) {
        new Denoiser(ops, experts)
            .run(
                plan,
                noise,
                conditioning(size, shape, prompts(states), isCalibrating),
                tokens -> cache(plan, tokens, isCalibrating),
                StepListener.NONE);
      }
    }

    private Conditioning conditioning(
        VideoSize size, Shape shape, Prompts prompts, boolean isFirst) {
      if (task != Task.S2V_14B) {
        return course(size).conditioning(ops, vae, shape, prompts, Clip.FIRST);
      }
      int channels = experts.config().speech().soundDim();
      int frames = 4 * (shape.length(1) + PAST);
      Conditions speech =
          new Conditions.Speech(
              prompts.positive(),
              Tensor.of(new float[channels * frames], 1, channels, frames),
              empty(shape.with(1, 1)),
              empty(shape.with(1, PAST)),
              !isFirst,
              empty(shape));
      return new Conditioning(speech, speech, null);
    }

    private Tensor empty(Shape shape) {
      return ops.empty(DType.F32, shape.toArray());
    }

    private Prompts prompts(Tensor states) {
      Tensor picture = Tensor.of(new float[257 * 1280], 257, 1280);
      return new Prompts(states, states, task == Task.ANIMATE_14B ? picture : null);
    }

    private StepCache cache(SamplingPlan plan, Shape tokens, boolean isCalibrating) {
      return isCalibrating
          ? new MagCacheCalibration(ops, tokens.size(0), tokens.size(1))
          : new MagCache(
              ops,
              MagCacheSchedules.of(
                  CacheSettings.MagCache.DEFAULT,
                  // of those that have none, what another one has
                  task == Task.S2V_14B || task == Task.ANIMATE_14B ? Task.TI2V_5B : task,
                  true,
                  plan,
                  experts.boundary()),
              tokens.size(0),
              tokens.size(1));
    }

    private Course course(VideoSize size) {
      if (task == Task.T2V_A14B) {
        return new TextToVideo(size.frames(), size.height(), size.width());
      }
      if (task == Task.ANIMATE_14B) {
        CharacterVideos videos =
            CharacterVideos.black(size.width(), size.height(), size.frames(), FACE);
        return new CharacterAnimation(videos, size.frames(), 1, task.sideStep());
      }
      int bytes = 3 * size.width() * size.height();
      Picture picture = new Picture(size.width(), size.height(), new byte[bytes]);
      return task == Task.I2V_A14B
          ? new ImageToVideo(picture, size.area(), size.frames())
          : new TextImageToVideo(picture, size.area(), size.frames());
    }
  }

  /// Writes a LoRA file for the linear layers of the first block and of an injector.
  private Path lora(Weights network) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (String name : network.names()) {
      Shape shape = network.shape(name);
      boolean isChanged =
          name.startsWith("blocks.0.") || name.startsWith("audio_injector.injector.0.");
      if (isChanged && name.endsWith(".weight") && shape.rank() == 2) {
        String module = name.substring(0, name.length() - "weight".length());
        String down = module + "lora_A.weight";
        String up = module + "lora_B.weight";
        tensors.put(down, new Hollow(down, Shape.of(RANK, shape.size(1)), DType.BF16));
        tensors.put(up, new Hollow(up, Shape.of(shape.size(0), RANK), DType.BF16));
      }
    }
    try {
      Path file = Files.createTempFile(folder, "lora", ".safetensors");
      SafetensorsWriter.write(file, tensors, Map.of());
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
