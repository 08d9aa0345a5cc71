package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.model.LatentGrid;
import wan4j.model.WanTransformer;
import wan4j.tensor.InputException;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// LoRA files beside the weights: the time to replace them, for all experts of a task, and what
/// they add to a block's time. The files hold random bfloat16 numbers for every linear layer of the
/// blocks; they are written first, so the page cache holds them.
public final class LoraBenchmark {
  private LoraBenchmark() {}

  /// Measures files of a rank on a task's transformers with a number of blocks, 0 for all, and a
  /// video's tokens; the files lie in `folder` and are deleted afterwards.
  public static List<Measurement> run(
      Workbench bench, Task task, VideoSize size, int share, int layers, int rank, Path folder) {
    LatentGrid grid = ModelShapes.tokens(task, size);
    Map<String, Object> parameters = bench.parameters(task, share);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    int blocks = RandomWeights.layers(task, layers);
    return run(bench, task, grid, share, blocks, rank, folder, parameters);
  }

  static List<Measurement> run(
      Workbench bench,
      Task task,
      LatentGrid grid,
      int share,
      int layers,
      int rank,
      Path folder,
      Map<String, Object> parameters) {
    if (rank < 1) {
      throw new InputException("--rank got %d; give 1 or more".formatted(rank));
    }
    TransformerConfig config = RandomWeights.config(task, layers);
    ShareOfGroup group = new ShareOfGroup(share);
    group.require(grid.tokens(), config.heads());
    int count = task == Task.TI2V_5B ? 1 : 2;
    parameters.put("tokens", grid.tokens());
    parameters.put("layers", layers);
    parameters.put("experts", count);
    parameters.put("rank", rank);
    List<Path> files = new ArrayList<>();
    List<WanTransformer> experts = new ArrayList<>();
    try (TemporaryFolder place = TemporaryFolder.in(folder)) {
      for (int i = 0; i < count; i++) {
        Weights weights = RandomWeights.transformer(config, 1 + i);
        Path file = place.path().resolve("lora-%d.safetensors".formatted(i));
        RandomLoraFile.write(file, weights, rank);
        files.add(file);
        experts.add(new WanTransformer(config, weights, bench.ops(), group, bench.precisions()));
      }
      return measure(bench, experts, files, grid, share, parameters);
    } finally {
      experts.forEach(WanTransformer::close);
    }
  }

  private static List<Measurement> measure(
      Workbench bench,
      List<WanTransformer> experts,
      List<Path> files,
      LatentGrid grid,
      int share,
      Map<String, Object> parameters) {
    List<Measurement> results = new ArrayList<>();
    try (RandomBlocks blocks = new RandomBlocks(bench, experts.getFirst(), grid, share)) {
      double[] without = bench.times(blocks::runFirst)[0];
      long before = bytes(experts);
      double[] swaps = bench.wholeTimes(() -> swap(experts, files));
      double[] with = bench.times(blocks::runFirst)[0];
      results.add(Measurement.of("lora", parameters, "files changed", "ms", swaps));
      results.add(
          Measurement.of(
              "lora", parameters, "beside the weights", "GB", (bytes(experts) - before) / 1e9));
      results.add(Measurement.of("lora", parameters, "block without files", "ms", without));
      results.add(Measurement.of("lora", parameters, "block with files", "ms", with));
    }
    return results;
  }

  private static void swap(List<WanTransformer> experts, List<Path> files) {
    for (int i = 0; i < experts.size(); i++) {
      try (Lora lora = Lora.read(files.get(i))) {
        experts.get(i).adapt(List.of(new LoraApplication(lora, 0.5f)));
      }
    }
  }

  private static long bytes(List<WanTransformer> experts) {
    return experts.stream().mapToLong(WanTransformer::bytes).sum();
  }
}
