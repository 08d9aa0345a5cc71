package wan4j;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import wan4j.AttentionSettings.Attention;
import wan4j.Ranks.WeightShards;
import wan4j.engine.MemoryEstimates;
import wan4j.engine.OpenCheckpoint;
import wan4j.engine.StoredFormat;
import wan4j.media.CharacterVideos;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.model.MotionEncoder;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.plan.DeviceRules;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.CheckpointSummary;
import wan4j.weights.Expert;
import wan4j.weights.Weights;

/// What a checkpoint is: its layout, its networks in numbers, and the memory that a request of its
/// task would need in each arithmetic that can be chosen, found out by running the request on
/// shapes alone.
public final class Inspection {
  private static final int SECONDS_OF_SPEECH = 8;

  private final CheckpointSummary summary;
  private final List<Float8> float8;
  private final int headSize; // of the transformers, 0 for a task that this build cannot do
  private final List<LayerPlan> layers;
  private final VideoRequest request; // null for a task that this build cannot do
  private final List<Need> needs;

  private Inspection(
      CheckpointSummary summary,
      List<Float8> float8,
      int headSize,
      List<LayerPlan> layers,
      VideoRequest request,
      List<Need> needs) {
    this.summary = summary;
    this.headSize = headSize;
    this.float8 = List.copyOf(float8);
    this.layers = layers;
    this.request = request;
    this.needs = List.copyOf(needs);
  }

  /// The linear layers of a transformer that are stored in FP8 and run so unless another recipe is
  /// asked for.
  ///
  /// @param transformer what the transformer is called
  /// @param recipe the recipe in which they run
  /// @param layers how many they are
  public record Float8(String transformer, Quantization.Recipe recipe, int layers) {}

  /// The memory of the request.
  ///
  /// @param device what it would run on
  /// @param precision what its transformers compute in
  /// @param flags how networks stay in memory
  /// @param bytes the largest number of bytes in use at once
  public record Need(Device device, String precision, String flags, long bytes) {}

  /// Looks at a checkpoint and at a request with its task's defaults; throws `InputException` when
  /// it is no checkpoint, or damaged.
  public static Inspection of(Path folder) {
    return of(folder, null, null, List.of());
  }

  /// Looks at a checkpoint and at a request of a size such as `1280*720` and so many frames, null
  /// for the task's own, with layers that `--fp8_skip` names; throws `InputException` when it is no
  /// checkpoint, or damaged, or has no such layer.
  public static Inspection of(Path folder, String sides, Integer frames, List<String> skipped) {
    return of(folder, sides, frames, skipped, null, Ranks.ALONE);
  }

  /// Looks at the same, and at the memory on one device alone, null for all, where several ranks
  /// make the request together on each of them: that of the first, which needs most.
  public static Inspection of(
      Path folder, String sides, Integer frames, List<String> skipped, Device device, Ranks ranks) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return of(checkpoint, sides, frames, skipped, device, ranks);
    }
  }

  private static Inspection of(
      Checkpoint checkpoint,
      String sides,
      Integer frames,
      List<String> skipped,
      Device device,
      Ranks ranks) {
    Path folder = checkpoint.folder();
    Quantization recipe = new Quantization(Quantization.Recipe.UNNAMED, skipped);
    CheckpointSummary summary = checkpoint.summary();
    List<Float8> float8 = new ArrayList<>();
    List<LayerPlan> layers = List.of();
    for (Expert expert : checkpoint.experts()) {
      StoredFormat format = StoredFormat.of(checkpoint.transformer(expert));
      PrecisionTable table = format.table(List.of());
      Set<String> linear = linear(checkpoint, expert);
      int stored =
          (int)
              format.weights().keySet().stream()
                  .filter(layer -> linear == null || linear.contains(layer))
                  .filter(layer -> table.precision(layer).isFloat8())
                  .count();
      if (stored > 0) {
        float8.add(new Float8(expert.description(), format.recipe(), stored));
      }
    }
    if (Task.isKnown(summary.kind())) {
      Weights first = checkpoint.transformer(checkpoint.experts().getFirst());
      layers = LayerPlan.of(checkpoint.config(), first, recipe);
    }
    if (!Task.isKnown(summary.kind())) {
      if (sides != null || frames != null || !skipped.isEmpty()) {
        throw new InputException(
            "%s is a checkpoint of %s, whose requests this build does not know yet; leave out --size, --frame_num and --fp8_skip"
                .formatted(folder, summary.kind().task()));
      }
      return new Inspection(summary, float8, 0, layers, null, List.of());
    }
    VideoRequest request = request(checkpoint, Task.of(summary.kind().task()), sides, frames);
    OpenCheckpoint model = new OpenCheckpoint(checkpoint);
    List<Need> needs = new ArrayList<>();
    for (boolean offload : new boolean[] {true, false}) {
      if (device != Device.CUDA) {
        EngineOptions processor = new EngineOptions(folder, Device.CPU, offload, false).with(ranks);
        needs.add(need(model, processor, "fp32", request));
      }
      if (device == Device.CPU) {
        continue;
      }
      for (Arithmetic arithmetic : List.of(Arithmetic.BFLOAT16, Arithmetic.FLOAT32)) {
        String name = arithmetic == Arithmetic.BFLOAT16 ? "bf16" : "fp32";
        needs.add(
            need(
                model,
                gpu(folder, arithmetic, Quantization.NONE, offload, false).with(ranks),
                name,
                request));
      }
      needs.add(
          need(
              model,
              gpu(folder, Arithmetic.BFLOAT16, recipe, offload, false).with(ranks),
              "fp8",
              request));
      needs.add(
          need(
              model,
              gpu(folder, Arithmetic.BFLOAT16, recipe, offload, true).with(ranks),
              "fp8",
              request));
      if (!ranks.isAlone()) {
        Ranks divided = ranks.sharding(new WeightShards(true, true));
        for (Quantization float8Layers : List.of(Quantization.NONE, recipe)) {
          needs.add(
              need(
                  model,
                  gpu(folder, Arithmetic.BFLOAT16, float8Layers, offload, false).with(divided),
                  float8Layers.equals(recipe) ? "fp8" : "bf16",
                  request));
        }
      }
    }
    return new Inspection(summary, float8, checkpoint.config().headDim(), layers, request, needs);
  }

  /// Returns the names of an expert's linear layers, or null for a network that this build does not
  /// know.
  private static Set<String> linear(Checkpoint checkpoint, Expert expert) {
    if (!Task.isKnown(checkpoint.kind())) {
      return null;
    }
    return LayerPlan.of(checkpoint.config(), checkpoint.transformer(expert), Quantization.NONE)
        .stream()
        .flatMap(plan -> plan.layers().stream())
        .collect(Collectors.toSet());
  }

  private static VideoRequest request(
      Checkpoint checkpoint, Task task, String sides, Integer frames) {
    if (task == Task.S2V_14B && frames != null) {
      throw new InputException(
          "--frame_num got %d, but a video of %s is as long as its sound, and memory does not grow with it; leave it out"
              .formatted(frames, task.spelling()));
    }
    VideoSize size = task.size(sides, frames);
    VideoRequest request = VideoRequest.of("", size, Sampling.of(task, 0));
    Picture picture =
        new Picture(size.width(), size.height(), new byte[3 * size.width() * size.height()]);
    return switch (task) {
      case T2V_A14B, TI2V_5B -> request;
      case I2V_A14B -> request.withImage(picture);
      case S2V_14B -> request.with(new Source.Speech(picture, silence(), null, Source.Clips.USUAL));
      case ANIMATE_14B ->
          request.with(
              new Source.Animation(
                  CharacterVideos.black(
                      size.width(),
                      size.height(),
                      2 * size.frames() - 1, // a first clip, and one after another
                      MotionEncoder.size(
                          checkpoint.transformer(Expert.SINGLE).at("motion_encoder"))),
                  1));
    };
  }

  /// A sound of two clips, the second of which has more tokens than the first.
  private static Sound silence() {
    int rate = Source.Speech.SOUND_RATE;
    return Sound.of(rate, new float[rate * SECONDS_OF_SPEECH]);
  }

  private static long frames(VideoRequest request) {
    return request.source() instanceof Source.Speech speech
        ? speech.frames()
        : request.size().frames();
  }

  private static EngineOptions gpu(
      Path folder, Arithmetic arithmetic, Quantization float8, boolean offload, boolean textOnCpu) {
    return new EngineOptions(folder, Device.CUDA, arithmetic, float8, offload, textOnCpu);
  }

  private static Need need(
      OpenCheckpoint model, EngineOptions options, String precision, VideoRequest request) {
    String flags =
        (options.offload() == Offload.ALWAYS ? "--offload_model True" : "--offload_model False")
            + (options.textOnCpu() ? " --t5_cpu" : "")
            + (options.ranks().shards().equals(WeightShards.WHERE_NEEDED)
                ? ""
                : " --dit_fsdp --t5_fsdp")
            + (options.ranks().isAlone() ? "" : ", each of " + options.ranks().count());
    MemoryNeed need =
        new MemoryEstimates(options, model)
            .of(request, options.offload() != Offload.NEVER, VideoAutoencoder.USUAL_PIECE);
    return new Need(options.device(), precision, flags, need.bytes());
  }

  /// Returns what of the transformers is stored in FP8.
  public List<Float8> float8() {
    return float8;
  }

  /// Returns in which arithmetic the first transformer's linear layers run with `--quantize`, and
  /// why.
  public List<LayerPlan> layers() {
    return layers;
  }

  /// Returns the memory that the request needs; nothing for a task that this build cannot do.
  public List<Need> needs() {
    return needs;
  }

  /// Returns the inspection as lines of text.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("checkpoint   " + summary.folder());
    lines.add("task         " + summary.kind().task());
    lines.add("layout       " + summary.layout().name().toLowerCase(Locale.ROOT));
    for (CheckpointSummary.Network network : summary.networks()) {
      String types =
          network.parametersByType().entrySet().stream()
              .map(type -> type.getKey().name().toLowerCase(Locale.ROOT))
              .collect(Collectors.joining(" and "));
      lines.add(
          String.format(
              Locale.ROOT,
              "%-20s %5d tensors %,16d parameters %10s  %s",
              network.name(),
              network.tensors(),
              network.parameters(),
              size(network.bytes()),
              types));
    }
    for (Float8 stored : float8) {
      lines.add(
          "%-20s %5d linear layers in FP8, run as %s unless --quantize says otherwise"
              .formatted(stored.transformer(), stored.layers(), stored.recipe().spelling()));
    }
    if (headSize > 0) {
      lines.add("attention            " + attention(headSize));
    }
    if (!layers.isEmpty()) {
      lines.add("with --quantize");
      layers.forEach(plan -> lines.add("  " + plan.line()));
    }
    for (Need need : needs) {
      lines.add(
          String.format(
              Locale.ROOT,
              "memory on %-5s %s, %d frames, %s, %s: %s",
              need.device().spelling(),
              request.size().sides(),
              frames(request),
              need.precision(),
              need.flags(),
              size(need.bytes())));
    }
    if (!needs.isEmpty()) {
      lines.add(
          "without --offload_model, a GPU keeps all networks where they fit and offloads them where"
              + " not; a CPU offloads them");
      if (needs.stream().anyMatch(need -> need.flags().contains("fsdp"))) {
        lines.add(
            "without --dit_fsdp and --t5_fsdp, GPUs divide the blocks of networks that do not fit"
                + " otherwise, before they offload them");
      }
    }
    return lines;
  }

  /// Says how self-attention in heads of a size computes, and what else a GPU has for them.
  private static String attention(int headSize) {
    String narrow =
        Arrays.stream(Attention.values())
            .filter(Attention::isNarrow)
            .map(Attention::spelling)
            .collect(Collectors.joining(", "));
    return DeviceRules.fitsEightBitAttention(DType.BF16, headSize)
        ? "heads of %d: bf16, on a GPU int8 beside FP8 layers; on request %s"
            .formatted(headSize, narrow)
        : "heads of %d: bf16; %s need heads of 128 on a GPU".formatted(headSize, narrow);
  }

  private static String size(long bytes) {
    return bytes < 1_000_000_000L
        ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
        : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
  }
}
