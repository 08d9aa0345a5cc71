package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.UmT5Sizes;
import wan4j.cuda.AlgorithmTable;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.Cudnn;
import wan4j.cuda.tune.ConvolutionTuning;
import wan4j.cuda.tune.LayerShape;
import wan4j.cuda.tune.ProductTuning;
import wan4j.engine.Backends;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Activation;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// Measures which algorithm is fastest for each product and each convolution of the full-size
/// networks on this GPU.
public final class Tuning {
  private static final List<Precision> PRECISIONS =
      List.of(
          Precision.PLAIN,
          Precision.FLOAT8_TOKEN,
          Precision.FLOAT8_CURRENT, // delayed scaling's products are the same
          Precision.FLOAT8_BLOCK);
  private static final int[] SHARES = {8, 4, 2, 1};

  private Tuning() {}

  /// Measures, reports each product and convolution, and adds the tables of this GPU to a file, or
  /// to the user's cache where that is null; returns the result as a sentence. Throws
  /// `InputException` when there is no GPU.
  public static String run(Path file, Consumer<String> progress) {
    List<AlgorithmTable.Choice> products;
    List<AlgorithmTable.Choice> convolutions;
    try (CudaOps ops = (CudaOps) Backends.open(Device.CUDA, Arithmetic.BFLOAT16)) {
      products = ProductTuning.run(ops, layers(), progress);
    }
    // Another backend, whose memory holds nothing yet.
    try (CudaOps ops = (CudaOps) Backends.open(Device.CUDA, Arithmetic.BFLOAT16)) {
      runAutoencoders(ops, Task.I2V_A14B, "1280*720");
      runAutoencoders(ops, Task.I2V_A14B, "832*480");
      runAutoencoders(ops, Task.TI2V_5B, "1280*704");
      convolutions = ConvolutionTuning.run(ops, progress);
    }
    String device = Cuda.device().name();
    Path target = file == null ? AlgorithmTable.userFile() : file;
    table(device, AlgorithmTable.PRODUCTS, CublasLt.version(), products).addTo(target);
    table(device, AlgorithmTable.CONVOLUTIONS, Cudnn.version(), convolutions).addTo(target);
    return "%d products and %d convolutions are faster on %s with cuBLASLt %d and cuDNN %d; %s"
        .formatted(
            products.size(),
            convolutions.size(),
            device,
            CublasLt.version(),
            Cudnn.version(),
            target);
  }

  private static AlgorithmTable table(
      String device, String library, int version, List<AlgorithmTable.Choice> choices) {
    return new AlgorithmTable(device, library, version, choices);
  }

  /// Decodes and encodes a video of a task's usual length, so that the backend knows which
  /// convolutions it needs.
  private static void runAutoencoders(CudaOps ops, Task task, String sides) {
    VideoSize size = VideoSize.of(sides, task.defaults().frames());
    try (VideoAutoencoder vae = AutoencoderBenchmark.open(task, ops);
        Parameters inputs = ops.parameters()) {
      int stride = vae.stride();
      Shape latents =
          Shape.of(
              vae.channels(), size.latentFrames(), size.height() / stride, size.width() / stride);
      vae.decode(random(inputs, latents), (_, features) -> ops.pixels(features));
      try (Scope _ = ops.scope()) {
        vae.encode(random(inputs, Shape.of(3, size.frames(), size.height(), size.width())));
      }
    }
  }

  private static Tensor random(Parameters inputs, Shape shape) {
    return inputs.tensor(new RandomSource("input", shape, 8L << 56, 0, 0.5f), DType.F32);
  }

  /// Returns the layers of the diffusion transformers on the tokens of one rank at their usual
  /// sizes, and those of the text encoder.
  static List<LayerShape> layers() {
    List<LayerShape> layers = new ArrayList<>();
    addTransformer(layers, Task.I2V_A14B, "1280*720");
    addTransformer(layers, Task.I2V_A14B, "832*480");
    addTransformer(layers, Task.TI2V_5B, "1280*704");
    int dim = UmT5Sizes.WIDTH;
    int wide = UmT5Sizes.FEED_FORWARD;
    addText(layers, dim, dim);
    addText(layers, 2 * wide, dim);
    addText(layers, dim, wide);
    return layers;
  }

  private static void addTransformer(List<LayerShape> layers, Task task, String size) {
    TransformerConfig config = RandomWeights.config(task, 1);
    int tokens = ModelShapes.tokens(task, VideoSize.of(size, task.defaults().frames())).tokens();
    int dim = config.dim();
    int wide = config.feedForwardDim();
    for (Precision precision : PRECISIONS) {
      add(
          layers,
          UmT5Sizes.TOKENS,
          dim,
          dim,
          Activation.NONE,
          precision); // keys and values of the text
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
    layers.add(
        new LayerShape(UmT5Sizes.TOKENS, outputs, inputs, false, Activation.NONE, Precision.PLAIN));
  }
}
