package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.Arithmetic;
import wan4j.Backends;
import wan4j.Device;
import wan4j.Task;
import wan4j.cuda.AlgorithmTable;
import wan4j.cuda.CudaOps;
import wan4j.cuda.LayerShape;
import wan4j.cuda.ProductTuning;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.CudaDriver;
import wan4j.ops.Activation;
import wan4j.quant.Precision;
import wan4j.weights.TransformerConfig;

/// Measures which algorithm is fastest for each product of the full-size networks on this GPU.
public final class Tuning {
  private static final List<Precision> PRECISIONS =
      List.of(
          Precision.PLAIN,
          Precision.FLOAT8_TOKEN,
          Precision.FLOAT8_CURRENT, // delayed scaling's products are the same
          Precision.FLOAT8_BLOCK);
  private static final int[] SHARES = {8, 4, 2, 1};
  private static final int PROMPT = 512; // tokens of a prompt, padding included

  private Tuning() {}

  /// Measures, telling of each product, and adds the table of this GPU to a file, or to the user's
  /// own where that is null; returns what came of it as a sentence. Throws `InputException` when
  /// there is no GPU.
  public static String run(Path file, Consumer<String> progress) {
    AlgorithmTable table;
    try (CudaOps ops = (CudaOps) Backends.open(Device.CUDA, Arithmetic.BFLOAT16)) {
      table =
          new AlgorithmTable(
              CudaDriver.device(0).name(),
              CublasLt.version(),
              ProductTuning.run(ops, layers(), progress));
    }
    Path target = file == null ? AlgorithmTable.userFile() : file;
    table.addTo(target);
    return "%d faster algorithms for %s with cuBLASLt %d in %s"
        .formatted(table.choices().size(), table.device(), table.library(), target);
  }

  /// Returns the layers of the diffusion transformers on the tokens of one rank at their usual
  /// sizes, and those of the text encoder.
  static List<LayerShape> layers() {
    List<LayerShape> layers = new ArrayList<>();
    addTransformer(layers, Task.I2V_A14B, "1280*720");
    addTransformer(layers, Task.I2V_A14B, "832*480");
    addTransformer(layers, Task.TI2V_5B, "1280*704");
    int dim = 4096; // umT5-XXL
    int wide = 10_240;
    addText(layers, dim, dim);
    addText(layers, 2 * wide, dim);
    addText(layers, dim, wide);
    return layers;
  }

  private static void addTransformer(List<LayerShape> layers, Task task, String size) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int tokens = TokenGrid.of(task, VideoSize.of(size, task.defaults().frames())).tokens();
    int dim = config.dim();
    int wide = config.feedForwardDim();
    for (Precision precision : PRECISIONS) {
      add(layers, PROMPT, dim, dim, Activation.NONE, precision); // keys and values of the text
      for (int share : SHARES) {
        int rows = Math.ceilDiv(tokens, share);
        add(layers, rows, 3 * dim, dim, Activation.NONE, precision);
        add(layers, rows, dim, dim, Activation.NONE, precision);
        add(layers, rows, wide, dim, Activation.GELU_TANH, precision);
        add(layers, rows, dim, wide, Activation.NONE, precision);
      }
    }
  }

  private static void add(
      List<LayerShape> layers,
      int rows,
      int outputs,
      int inputs,
      Activation function,
      Precision precision) {
    layers.add(new LayerShape(rows, outputs, inputs, true, function, precision));
  }

  private static void addText(List<LayerShape> layers, int outputs, int inputs) {
    layers.add(new LayerShape(PROMPT, outputs, inputs, false, Activation.NONE, Precision.PLAIN));
  }
}
