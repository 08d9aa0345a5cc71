package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.bench.measure.Distances;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.cuda.CudaOps;
import wan4j.ops.Convolution;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// The autoencoders' convolutions one by one, at the sizes of a piece of a 720P video, by our own
/// kernel, even where the backend would not choose it, and by cuDNN in alternation.
public final class ConvolutionBenchmark {
  private ConvolutionBenchmark() {}

  /// A kernel of `time` x 3 x 3 over `frames` output frames; with an addend or without.
  private record Layer(
      int inputs, int outputs, int time, int frames, int height, int width, boolean isAdded) {
    String name() {
      return "%dx3x3, %d to %d, %d frames of %dx%d%s"
          .formatted(time, inputs, outputs, frames, width, height, isAdded ? ", added" : "");
    }

    double operations() {
      return 2.0 * frames * height * width * inputs * outputs * time * 9;
    }
  }

  private static final List<Layer> LAYERS =
      List.of(
          new Layer(96, 96, 3, 8, 720, 1280, false),
          new Layer(96, 96, 3, 8, 720, 1280, true),
          new Layer(192, 192, 3, 8, 360, 640, false),
          new Layer(192, 192, 3, 8, 360, 640, true),
          new Layer(384, 384, 3, 4, 180, 320, true),
          new Layer(384, 384, 3, 2, 90, 160, true),
          new Layer(192, 384, 3, 4, 180, 320, false),
          new Layer(96, 192, 3, 8, 360, 640, false),
          new Layer(384, 192, 1, 8, 360, 640, false),
          new Layer(192, 96, 1, 8, 720, 1280, false),
          new Layer(3, 96, 3, 8, 720, 1280, false),
          new Layer(96, 3, 3, 8, 720, 1280, false),
          new Layer(256, 256, 3, 8, 352, 640, true),
          new Layer(512, 512, 3, 8, 176, 320, true),
          new Layer(1024, 1024, 3, 4, 88, 160, true),
          new Layer(512, 256, 3, 8, 352, 640, false),
          new Layer(1024, 512, 3, 8, 176, 320, false),
          new Layer(512, 512, 1, 8, 352, 640, false),
          new Layer(1024, 1024, 1, 8, 176, 320, false),
          new Layer(160, 160, 3, 8, 352, 640, true),
          new Layer(160, 320, 3, 8, 176, 320, false),
          new Layer(320, 320, 3, 8, 176, 320, true),
          new Layer(320, 640, 3, 4, 88, 160, false),
          new Layer(640, 640, 3, 4, 88, 160, true));

  /// Measures each shape.
  public static List<Measurement> run(Workbench bench) {
    bench.requireNoRecipe("convolution");
    if (!(bench.backend() instanceof CudaOps cuda)) {
      throw new InputException(
          "bench convolution compares with cuDNN, got --device cpu; give --device cuda");
    }
    if (cuda.activation() != DType.BF16) {
      throw new InputException(
          "bench convolution measures a kernel for bfloat16, got another --precision; give bf16");
    }
    List<Measurement> results = new ArrayList<>();
    for (Layer layer : LAYERS) {
      double[][] times = times(bench, cuda, layer, results);
      List<String> sides = List.of("ours", "cuDNN");
      for (int side = 0; side < sides.size(); side++) {
        Map<String, Object> parameters = bench.parameters();
        parameters.put("layer", layer.name());
        parameters.put("by", sides.get(side));
        results.add(Measurement.of("convolution", parameters, "time", "ms", times[side]));
        results.add(
            Measurement.of(
                "convolution",
                parameters,
                "rate",
                "TFLOP/s",
                Rates.teraflops(layer.operations(), times[side])));
      }
    }
    return results;
  }

  private static double[][] times(
      Workbench bench, CudaOps cuda, Layer layer, List<Measurement> results) {
    Ops ops = bench.ops();
    int taps = layer.time * 9;
    float deviation = (float) (1 / Math.sqrt((double) taps * layer.inputs));
    TensorSource weight =
        new RandomSource(
            "weight",
            Shape.of(layer.outputs, layer.inputs, layer.time, 3, 3),
            1L << 56,
            0,
            deviation);
    TensorSource bias = new RandomSource("bias", Shape.of(layer.outputs), 2L << 56, 0, 0.1f);
    Shape features =
        Shape.of(layer.frames + layer.time - 1L, layer.height, layer.width, layer.inputs);
    Shape sums = Shape.of(layer.frames, layer.height, layer.width, layer.outputs);
    try (Parameters parameters = ops.parameters();
        var _ = ops.scope()) {
      Convolution convolution = parameters.convolution(weight, bias);
      Tensor x =
          parameters.tensor(new RandomSource("input", features, 3L << 56, 0, 1), ops.activation());
      Tensor addend =
          layer.isAdded
              ? parameters.tensor(
                  new RandomSource("addend", sums, 4L << 56, 0, 1), ops.activation())
              : null;
      Tensor target = ops.empty(ops.activation(), sums.toArray());
      Tensor other = ops.empty(ops.activation(), sums.toArray());
      cuda.convolutionByPatches(x, convolution, addend, target);
      cuda.convolutionByLibrary(x, convolution, Window.SAME_3X3, addend, other);
      Map<String, Object> named = bench.parameters();
      named.put("layer", layer.name());
      results.add(Distances.toCudnn("convolution", named, ops, target, other));
      return bench.times(
          () -> cuda.convolutionByPatches(x, convolution, addend, target),
          () -> cuda.convolutionByLibrary(x, convolution, Window.SAME_3X3, addend, target));
    }
  }
}
