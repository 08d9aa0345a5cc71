package wan4j;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import wan4j.media.Picture;
import wan4j.ops.NullOps;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.weights.Checkpoint;
import wan4j.weights.CheckpointSummary;
import wan4j.weights.Expert;

/// What a checkpoint is: its layout, its networks in numbers, and the memory that a request of its
/// task would need, found out by running the request on shapes alone.
///
/// @param summary its networks
/// @param float8 what of the transformers is stored in FP8
/// @param needs the memory of requests
public record Inspection(CheckpointSummary summary, List<Float8> float8, List<Need> needs) {
  private static final int ALIGNMENT = 256; // bytes, as the CUDA backend places tensors
  private static final int ENOUGH_STEPS = 4; // both experts run

  /// The linear layers of a transformer that are stored in FP8 and run so unless another recipe is
  /// asked for.
  ///
  /// @param expert the transformer
  /// @param recipe the recipe in which they run
  /// @param layers how many they are
  public record Float8(Expert expert, Quantization.Recipe recipe, int layers) {}

  /// The memory of a request with the task's defaults.
  ///
  /// @param device what it would run on
  /// @param size pixels in a row and rows
  /// @param frames number of frames
  /// @param offload whether networks leave memory when they have done their part
  /// @param bytes the largest number of bytes in use at once
  public record Need(String device, String size, int frames, boolean offload, long bytes) {}

  /// Looks at a checkpoint; throws `InputException` when it is none, or damaged.
  public static Inspection of(Path folder) {
    CheckpointSummary summary;
    List<Float8> float8 = new ArrayList<>();
    List<Need> needs = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      summary = checkpoint.summary();
      for (Expert expert : checkpoint.experts()) {
        StoredFormat format = StoredFormat.of(checkpoint.transformer(expert));
        PrecisionTable table = format.table();
        int layers =
            (int)
                format.weights().keySet().stream()
                    .filter(layer -> table.precision(layer).isFloat8())
                    .count();
        if (layers > 0) {
          float8.add(new Float8(expert, format.recipe(), layers));
        }
      }
    }
    Task task = Task.of(summary.kind());
    if (task != null) {
      for (boolean offload : new boolean[] {true, false}) {
        needs.add(need(folder, task, "cpu", DType.F32, offload));
        needs.add(need(folder, task, "cuda", DType.BF16, offload));
      }
    }
    return new Inspection(summary, float8, needs);
  }

  private static Need need(
      Path folder, Task task, String device, DType activation, boolean offload) {
    String size = task.sizes().stream().filter(s -> s.startsWith("1280")).findFirst().orElseThrow();
    int width = Integer.parseInt(size.substring(0, size.indexOf('*')));
    int height = Integer.parseInt(size.substring(size.indexOf('*') + 1));
    VideoRequest request = VideoRequest.of(task, "", width, height, 0);
    if (task == Task.I2V_A14B) {
      request = request.withImage(new Picture(width, height, new byte[3 * width * height]));
    }
    EngineOptions options = new EngineOptions(folder, Device.CPU, offload, false);
    long bytes = peakBytes(options, request, activation, DType.F32);
    return new Need(device, size, request.frames(), offload, bytes);
  }

  /// Returns the largest number of bytes in use at once while a request runs on a backend with
  /// these element types; the text encoder counts unless it runs on the processors, a step cache
  /// never.
  static long peakBytes(
      EngineOptions options, VideoRequest request, DType activation, DType residual) {
    try (NullOps ops = new NullOps(activation, residual, ALIGNMENT);
        NullOps processors = new NullOps(DType.F32, DType.F32, ALIGNMENT);
        VideoEngine engine =
            VideoEngine.over(options, ops, options.textOnCpu() ? processors : ops)) {
      engine.generate(request.withSteps(ENOUGH_STEPS).withoutCache(), Progress.NONE);
      return ops.peakBytes();
    }
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
              .formatted(
                  stored.expert().description(), stored.layers(), stored.recipe().spelling()));
    }
    for (Need need : needs) {
      lines.add(
          String.format(
              Locale.ROOT,
              "memory on %-5s %s, %d frames, %s: %s",
              need.device(),
              need.size(),
              need.frames(),
              need.offload() ? "--offload_model True" : "--offload_model False",
              size(need.bytes())));
    }
    return lines;
  }

  private static String size(long bytes) {
    return bytes < 100_000_000L
        ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
        : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
  }
}
