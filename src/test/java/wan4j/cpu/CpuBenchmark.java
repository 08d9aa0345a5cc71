package wan4j.cpu;

import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import wan4j.cpu.Gemm.Matrix;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Parameters;
import wan4j.ops.SequenceGroup;
import wan4j.ops.Window;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// The operations of a transformer of dimension 1536 on 4,096 tokens, beside the bare matrix
/// product of the library. Work of one call in GFLOP: blas, linear and linearGelu 19.3, attention
/// 103.1, convolution 49.7. Run with JMH's `org.openjdk.jmh.Main CpuBenchmark` on the test class
/// path with `--add-modules jdk.incubator.vector`.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 3, time = 3)
@Fork(1)
public class CpuBenchmark {
  private static final int TOKENS = 4096;
  private static final int DIM = 1536;
  private static final int HEADS = 12;

  /// The stored type of the weight.
  @Param({"F32", "BF16"})
  public DType stored;

  private CpuOps ops;
  private Parameters parameters;
  private Gemm gemm;
  private Linear layer;
  private Convolution kernel;
  private Tensor x;
  private Tensor plain;
  private Tensor y;
  private Heads heads;
  private Tensor part;
  private Tensor rows;
  private Tensor rope;
  private Tensor qkv;
  private Tensor features;
  private Tensor pixels;

  /// Makes inputs and weights.
  @Setup
  public void open() {
    ops = new CpuOps();
    parameters = ops.parameters();
    gemm = Gemm.best();
    Tensor weight = random(DIM, DIM);
    TensorSource source = TensorSource.of("weight", ops.download(ops.upload(weight, stored)));
    TensorSource bias = TensorSource.of("bias", random(DIM));
    layer = parameters.linear(List.of(source), List.of(bias), Precision.PLAIN);
    plain = ops.upload(weight, DType.F32);
    x = ops.upload(random(TOKENS, DIM), DType.F32);
    y = ops.empty(DType.F32, TOKENS, DIM);
    Tensor parts = x.reshape(TOKENS, HEADS, DIM / HEADS);
    heads = new Heads(parts, parts, parts);
    part = ops.upload(random(1, DIM), DType.F32);
    rows = ops.upload(Tensor.of(new int[TOKENS], TOKENS), DType.I32);
    rope = ops.upload(random(TOKENS, DIM / HEADS), DType.F32);
    qkv = ops.upload(random(TOKENS, 3 * DIM), DType.F32);
    TensorSource taps = TensorSource.of("taps", random(192, 192, 3, 3, 3));
    kernel = parameters.convolution(taps, TensorSource.of("bias", random(192)));
    features = ops.upload(random(3, 120, 208, 192), DType.F32);
    pixels = ops.empty(DType.F32, 1, 120, 208, 192);
  }

  /// Frees them.
  @TearDown
  public void close() {
    parameters.close();
    ops.close();
  }

  /// The library's product, half of the rows a thread.
  @Benchmark
  public void blas() {
    Workers.run(
        2,
        half -> {
          long first = (long) half * TOKENS / 2 * DIM;
          Matrix a = Matrix.at(x.segment(), first, DIM);
          Matrix b = new Matrix(plain.segment(), DIM);
          Matrix c = Matrix.at(y.segment(), first, DIM);
          gemm.multiply(true, TOKENS / 2, DIM, DIM, 1, a, b, 0, c);
        });
  }

  /// A linear layer.
  @Benchmark
  public void linear() {
    try (var _ = ops.scope()) {
      ops.linear(new Operand.Plain(x), layer, Activation.NONE);
    }
  }

  /// A linear layer with GELU.
  @Benchmark
  public void linearGelu() {
    try (var _ = ops.scope()) {
      ops.linear(new Operand.Plain(x), layer, Activation.GELU_TANH);
    }
  }

  /// Self-attention.
  @Benchmark
  public void attention() {
    try (var _ = ops.scope()) {
      ops.attention(heads, 0.088, OperandFormat.Simple.PLAIN);
    }
  }

  /// Modulated norm.
  @Benchmark
  public void modulatedNorm() {
    try (var _ = ops.scope()) {
      ops.modulatedNorm(x, part, part, rows, 1e-6, OperandFormat.Simple.PLAIN);
    }
  }

  /// Norms and rotation of queries and keys.
  @Benchmark
  public void queryKeyValue() {
    try (var _ = ops.scope()) {
      ops.queryKeyValue(
          qkv, part.reshape(DIM), part.reshape(DIM), 1e-6, rope, SequenceGroup.SOLO, heads);
    }
  }

  /// A convolution of 192 channels.
  @Benchmark
  public void convolution() {
    ops.convolution(features, kernel, Window.SAME_3X3, pixels);
  }

  private static Tensor random(long... sizes) {
    Random random = new Random(1);
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian() * 0.05f;
    }
    return Tensor.of(values, sizes);
  }
}
