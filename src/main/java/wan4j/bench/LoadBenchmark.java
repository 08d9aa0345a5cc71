package wan4j.bench;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.engine.HostMemory;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Loading of a checkpoint of random float32 weights that the benchmark writes itself and that the
/// page cache then holds.
public final class LoadBenchmark {
  private static final long ROWS = 13_824;
  private static final long COLUMNS = 5120;

  private LoadBenchmark() {}

  /// Measures loading of about that many gigabytes from a file that is written to `folder` and
  /// deleted afterwards.
  public static List<Measurement> run(Workbench bench, Path folder, double gigabytes) {
    bench.requireNoRecipe("load");
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    long bytes = 0;
    while (bytes < gigabytes * 1e9) {
      long rows = Math.min(ROWS, Math.ceilDiv((long) (gigabytes * 1e9) - bytes, COLUMNS * 4));
      String name = "weight." + tensors.size();
      TensorSource source =
          new RandomSource(name, Shape.of(rows, COLUMNS), (long) tensors.size() << 40, 0, 0.02f);
      tensors.put(name, source);
      bytes += source.bytes();
    }
    if (tensors.isEmpty()) {
      throw new InputException("--gigabytes got %s; give more than 0".formatted(gigabytes));
    }
    Map<String, Object> parameters = bench.parameters();
    parameters.put("file type", "F32");
    parameters.put("file bytes", bytes / 1e9 + " GB");
    parameters.put("host memory", "%d GB".formatted(Math.round(HostMemory.bytes() / 1e9)));
    try (TemporaryFolder place = TemporaryFolder.in(folder)) {
      Path file = place.path().resolve("weights.safetensors");
      SafetensorsWriter.write(file, tensors, Map.of());
      try (Weights weights = Weights.open(file)) {
        double[] times = bench.wholeTimes(() -> load(bench.ops(), weights));
        return List.of(
            Measurement.of("load", parameters, "time", "ms", times),
            Measurement.of("load", parameters, "file rate", "GB/s", Rates.gigabytes(bytes, times)));
      }
    }
  }

  private static void load(Ops ops, Weights weights) {
    try (Parameters parameters = ops.parameters()) {
      DType type = ops.activation();
      for (String name : weights.names()) {
        parameters.tensor(weights.tensor(name), type);
      }
      ops.synchronize();
    }
  }
}
