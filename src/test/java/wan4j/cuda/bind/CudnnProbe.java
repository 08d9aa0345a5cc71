package wan4j.cuda.bind;

import java.util.List;
import java.util.Random;

/// Convolution and attention through cuDNN against plain loops, and their speed.
final class CudnnProbe {
  private static final int TILE = 1024;

  private final Random random = new Random(11);
  private final long handle = Cudnn.create();
  private final long stream;

  /// How far a result is from a plain loop, and what made it.
  private static final long MOST_WORKSPACE = 2L << 30;

  record Outcome(double distance, long engine, long workspace) {
    @Override
    public String toString() {
      return "relative L2 %.2e, engine %d, workspace %d".formatted(distance, engine, workspace);
    }
  }

  CudnnProbe(long stream) {
    this.stream = stream;
    Cudnn.setStream(handle, stream);
  }

  static CudnnConvolution.Shape shape(
      Cudnn.Element type, int channels, int outputs, List<Long> input, boolean biased) {
    return new CudnnConvolution.Shape(
        type,
        1,
        channels,
        outputs,
        input,
        List.of(3L, 3L, 3L),
        List.of(0L, 1L, 1L),
        List.of(0L, 1L, 1L),
        List.of(1L, 1L, 1L),
        biased);
  }

  Outcome convolution(Cudnn.Element type, boolean biased, CudnnGraph.Precision precision) {
    var channels = 32;
    var outputs = 48;
    var depth = 5;
    var height = 12;
    var width = 14;
    var shape =
        shape(type, channels, outputs, List.of((long) depth, (long) height, (long) width), biased);
    try (var memory = new ProbeMemory();
        var convolution = CudnnConvolution.of(handle, shape, precision, MOST_WORKSPACE)) {
      var x = ProbeMemory.normal(random, depth * height * width * channels);
      var w = ProbeMemory.normal(random, outputs * 27 * channels);
      var bias = ProbeMemory.normal(random, outputs);
      var count = (depth - 2) * height * width * outputs;
      var whole = type == Cudnn.Element.FLOAT32;
      var out = memory.empty(count * 4L);
      var workspace = memory.empty(Math.max(256, convolution.workspace()));
      convolution.run(
          whole ? memory.floats(x) : memory.bfloats(x),
          whole ? memory.floats(w) : memory.bfloats(w),
          whole ? memory.floats(bias) : memory.bfloats(bias),
          out,
          workspace);
      var got = ProbeMemory.read(out, count, whole ? 4 : 2);
      var expected = new double[count];
      var index = 0;
      for (var t = 0; t < depth - 2; t++) {
        for (var row = 0; row < height; row++) {
          for (var column = 0; column < width; column++) {
            for (var o = 0; o < outputs; o++) {
              var sum = biased ? bias[o] : 0.0;
              for (var tap = 0; tap < 27; tap++) {
                var y = row + tap / 3 % 3 - 1;
                var z = column + tap % 3 - 1;
                if (y >= 0 && y < height && z >= 0 && z < width) {
                  var from = (((t + tap / 9) * height + y) * width + z) * channels;
                  for (var c = 0; c < channels; c++) {
                    sum += (double) x[from + c] * w[(o * 27 + tap) * channels + c];
                  }
                }
              }
              expected[index++] = sum;
            }
          }
        }
      }
      return new Outcome(
          ProbeMemory.distance(got, expected),
          convolution.plans().getFirst().engine(),
          convolution.workspace());
    }
  }

  String convolutionSpeed(int channels, List<Long> input, boolean biased) {
    var shape = shape(Cudnn.Element.BFLOAT16, channels, channels, input, biased);
    var pixels = input.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
    var outputs = shape.output().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
    try (var memory = new ProbeMemory();
        var convolution =
            CudnnConvolution.of(handle, shape, CudnnGraph.Precision.ANY, MOST_WORKSPACE)) {
      var x = memory.empty(pixels * channels * 2);
      CudaDriver.fillWords(x, 0x3E803F01, pixels * channels / 2, 0);
      var w = memory.bfloats(ProbeMemory.normal(random, channels * channels * 27));
      var bias = memory.bfloats(ProbeMemory.normal(random, channels));
      var out = memory.empty(outputs * channels * 2);
      var workspace = memory.empty(Math.max(256, convolution.workspace()));
      var milliseconds =
          ProbeMemory.median(stream, 5, () -> convolution.run(x, w, bias, out, workspace));
      return "%.2f ms, %.0f TFLOP/s, engine %d, workspace %d MiB"
          .formatted(
              milliseconds,
              2e-9 * outputs * channels * channels * 27 / milliseconds,
              convolution.plans().getFirst().engine(),
              convolution.workspace() >> 20);
    }
  }

  Outcome attention(int dim, CudnnAttention.Form form) {
    var queries = 200;
    var keys = 333;
    var heads = 3;
    var stride = heads * dim;
    var sizes = CudnnAttention.Sizes.dense(queries, keys, heads, dim);
    var scale = (float) (1 / Math.sqrt(dim));
    try (var memory = new ProbeMemory();
        var attention = CudnnAttention.of(handle, sizes, scale, MOST_WORKSPACE, form)) {
      var q = ProbeMemory.normal(random, queries * stride);
      var k = ProbeMemory.normal(random, keys * stride);
      var v = ProbeMemory.normal(random, keys * stride);
      var out = memory.empty(2L * queries * stride);
      var workspace = memory.empty(Math.max(256, attention.workspace()));
      attention.run(memory.bfloats(q), memory.bfloats(k), memory.bfloats(v), out, workspace);
      var got = ProbeMemory.read(out, queries * stride, 2);
      var expected = new double[queries * stride];
      for (var head = 0; head < heads; head++) {
        for (var query = 0; query < queries; query++) {
          var weights = new double[keys];
          var total = 0.0;
          for (var key = 0; key < keys; key++) {
            var dot = 0.0;
            for (var d = 0; d < dim; d++) {
              dot += (double) q[query * stride + head * dim + d] * k[key * stride + head * dim + d];
            }
            weights[key] = Math.exp(dot * scale);
            total += weights[key];
          }
          for (var key = 0; key < keys; key++) {
            for (var d = 0; d < dim; d++) {
              expected[query * stride + head * dim + d] +=
                  weights[key] / total * v[key * stride + head * dim + d];
            }
          }
        }
      }
      return new Outcome(
          ProbeMemory.distance(got, expected), attention.engine(), attention.workspace());
    }
  }

  String attentionSpeed(CudnnAttention.Form form) {
    var tokens = 75_600L;
    var sizes = CudnnAttention.Sizes.dense(tokens, tokens, 5, 128);
    try (var memory = new ProbeMemory();
        var attention = CudnnAttention.of(handle, sizes, 0.0883883f, MOST_WORKSPACE, form)) {
      var tile = memory.bfloats(ProbeMemory.normal(random, TILE * 640));
      var q = tiled(memory, tile, tokens);
      var k = tiled(memory, tile, tokens);
      var v = tiled(memory, tile, tokens);
      var out = memory.empty(tokens * 640 * 2);
      var workspace = memory.empty(Math.max(256, attention.workspace()));
      var milliseconds =
          ProbeMemory.median(stream, 5, () -> attention.run(q, k, v, out, workspace));
      return "%.2f ms, %.0f TFLOP/s, engine %d"
          .formatted(milliseconds, 4e-9 * tokens * tokens * 640 / milliseconds, attention.engine());
    }
  }

  /// Tokens of 640 bf16 values, repeated from a tile of random ones.
  private static long tiled(ProbeMemory memory, long tile, long tokens) {
    var address = memory.empty(tokens * 1280);
    for (var start = 0L; start < tokens; start += TILE) {
      CudaDriver.copyOnDevice(
          address + start * 1280, tile, Math.min(TILE, tokens - start) * 1280, 0);
    }
    return address;
  }
}
