package wan4j.cuda.bind;

import java.util.List;
import java.util.Random;

/// Convolution and attention through cuDNN against plain loops.
final class CudnnProbe {
  private static final long MOST_WORKSPACE = 2L << 30;

  private final Random random = new Random(11);
  private final long handle = Cudnn.create();

  CudnnProbe() {
    Cudnn.setStream(handle, 0);
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

  /// Runs one causal convolution of 3 x 3 x 3 and returns its distance from a plain loop.
  double convolution(Cudnn.Element type, boolean biased, CudnnGraph.Precision precision) {
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
      return ProbeMemory.distance(got, expected);
    }
  }

  /// Runs one attention and returns its distance from a plain loop.
  double attention(int dim, CudnnAttention.Form form) {
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
      return ProbeMemory.distance(got, expected);
    }
  }
}
