package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.RoundedSource;
import wan4j.engine.Float8Network;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.TensorSource;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Loading of full-size transformers of random weights from files that the benchmark writes itself
/// and that the page cache then holds; the time counts from opening the files until the last layer
/// is on the device.
public final class TransformerLoadBenchmark {
  /// How the files store the weights.
  public enum Form {
    /// bfloat16, which a recipe quantises while it is loaded.
    BF16,
    /// FP8 as `convert` writes it, which is taken as it is.
    F8_E4M3
  }

  private TransformerLoadBenchmark() {}

  /// Measures loading of a number of a task's transformers, all of them loaded at the end; `layers`
  /// is their number of blocks, 0 for all. Files are written to `folder` and deleted afterwards.
  public static List<Measurement> run(
      Workbench bench, Path folder, Task task, Form form, int experts, int layers) {
    if (form == Form.F8_E4M3 && bench.settings().recipe() == Quantization.Recipe.NONE) {
      throw new InputException(
          "FP8 files were asked for without a recipe; add --fp8_recipe, such as PerTokenScaling");
    }
    if (experts < 1 || layers < 0) {
      throw new InputException(
          "got %d experts of %d layers; give 1 or more experts and 0 (all) or more layers"
              .formatted(experts, layers));
    }
    TransformerConfig config = RandomWeights.config(task, RandomWeights.layers(task, layers));
    try (TemporaryFolder place = TemporaryFolder.in(folder)) {
      List<Path> folders = new ArrayList<>();
      for (int expert = 0; expert < experts; expert++) {
        Path own = place.folder("expert-" + expert);
        write(bench, config, form, RandomWeights.transformer(config, expert + 1), own);
        folders.add(own);
      }
      return measure(bench, task, config, form, folders, place.bytes());
    }
  }

  private static List<Measurement> measure(
      Workbench bench,
      Task task,
      TransformerConfig config,
      Form form,
      List<Path> folders,
      long bytes) {
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", task.spelling());
    parameters.put("layers", config.layers());
    parameters.put("experts", folders.size());
    parameters.put("file type", form.name());
    parameters.put("file bytes", Math.round(bytes / 1e7) / 100.0 + " GB");
    int warmUp = bench.settings().warmUp();
    double[] times = new double[bench.settings().runs()];
    double[] loaded = new double[times.length];
    for (int i = -warmUp; i < times.length; i++) {
      bench.ops().synchronize();
      long start = System.nanoTime();
      Loaded networks = new Loaded();
      try (networks) {
        for (Path folder : folders) {
          networks.add(bench, config, folder);
        }
        bench.ops().synchronize();
        if (i >= 0) {
          times[i] = (System.nanoTime() - start) / 1e6;
          loaded[i] = networks.bytes() / 1e9;
        }
      }
    }
    return List.of(
        Measurement.of("load", parameters, "time", "ms", times),
        Measurement.of("load", parameters, "file rate", "GB/s", Rates.gigabytes(bytes, times)),
        Measurement.of("load", parameters, "weights", "GB", loaded),
        bench.peak("load", parameters));
  }

  private static void write(
      Workbench bench, TransformerConfig config, Form form, Weights weights, Path folder) {
    switch (form) {
      case BF16 -> {
        Map<String, TensorSource> rounded = new LinkedHashMap<>();
        for (String name : weights.names()) {
          rounded.put(name, new RoundedSource((RandomSource) weights.tensor(name)));
        }
        SafetensorsWriter.write(folder.resolve("weights.safetensors"), rounded, Map.of());
      }
      case F8_E4M3 ->
          new Float8Network(config, weights, new Quantization(bench.settings().recipe(), List.of()))
              .write(bench.ops(), folder, done -> {});
    }
  }

  /// Networks on the device and the files that they came from.
  private static final class Loaded implements AutoCloseable {
    private final List<Weights> files = new ArrayList<>();
    private final List<WanTransformer> networks = new ArrayList<>();

    void add(Workbench bench, TransformerConfig config, Path folder) {
      Ops ops = bench.ops();
      Weights weights = Weights.open(folder, Naming.TRANSFORMER);
      files.add(weights);
      networks.add(
          new WanTransformer(config, weights, ops, SequenceGroup.SOLO, bench.precisions()));
    }

    long bytes() {
      return networks.stream().mapToLong(WanTransformer::bytes).sum();
    }

    @Override
    public void close() {
      networks.forEach(WanTransformer::close);
      files.forEach(Weights::close);
    }
  }
}
