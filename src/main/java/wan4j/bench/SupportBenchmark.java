package wan4j.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Device;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.cuda.CudaOps;
import wan4j.cuda.tune.ProductSupport;
import wan4j.engine.Backends;

/// Which scalings, epilogues and output types cuBLASLt supports in one product, and how fast: the
/// basis for what linear layers fuse.
public final class SupportBenchmark {
  private static final int ROWS = 9456; // a share of 8 at 720P and 81 frames
  private static final int OUTPUTS = 13_824;
  private static final int INPUTS = 5120;
  private static final int RUNS = 5;

  private SupportBenchmark() {}

  /// Tries every combination; what the library does not support has no runs and the unit
  /// "unsupported". Throws `InputException` when there is no GPU.
  public static List<Measurement> run() {
    double operations = 2.0 * ROWS * OUTPUTS * INPUTS;
    List<Measurement> results = new ArrayList<>();
    try (CudaOps ops = (CudaOps) Backends.open(Device.CUDA)) {
      for (ProductSupport.Row row : ProductSupport.run(ops, ROWS, OUTPUTS, INPUTS, RUNS)) {
        Map<String, Object> parameters = new LinkedHashMap<>();
        parameters.put("input", row.input());
        parameters.put("scales", row.scales());
        parameters.put("accumulation", row.fast() ? "fast" : "full");
        parameters.put("rows", ROWS);
        parameters.put("outputs", OUTPUTS);
        parameters.put("inputs", INPUTS);
        String metric = row.epilogue() + " to " + row.output();
        results.add(
            row.times().isEmpty()
                ? new Measurement("support", parameters, metric, "unsupported", 0, 0, 0, 0)
                : Measurement.of(
                    "support",
                    parameters,
                    metric,
                    "TFLOP/s",
                    Rates.teraflops(
                        operations,
                        row.times().stream().mapToDouble(Double::doubleValue).toArray())));
      }
    }
    return results;
  }
}
