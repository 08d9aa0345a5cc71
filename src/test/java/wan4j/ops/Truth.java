package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.Function;
import wan4j.cpu.CpuOps;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Runs one computation on a backend and in the plain loops of the CPU, and compares the results.
final class Truth implements AutoCloseable {
  private final Ops ops;
  private final double tolerance;
  private final Random random = new Random(7);

  Truth(Ops ops, double tolerance) {
    this.ops = ops;
    this.tolerance = tolerance;
  }

  /// Returns host values from a normal distribution that bfloat16 holds exactly, so that every
  /// backend starts from the same ones.
  Tensor values(long... sizes) {
    return normal(1, 0, sizes);
  }

  /// Returns such values with a deviation and a mean.
  Tensor normal(double deviation, double mean, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] drawn = new float[count];
    for (int i = 0; i < count; i++) {
      float value = (float) (random.nextGaussian() * deviation + mean);
      drawn[i] = BFloat16.toFloat(BFloat16.fromFloat(value));
    }
    return Tensor.of(drawn, sizes);
  }

  /// Returns host integers from 0 to below `bound`.
  Tensor integers(int bound, long size) {
    return Tensor.of(random.ints(size, 0, bound).toArray(), size);
  }

  /// Returns such values as a weight of a checkpoint, stored in the given type.
  TensorSource source(DType dtype, double deviation, long... sizes) {
    Tensor values = normal(deviation, 0, sizes);
    try (CpuOps converter = new CpuOps()) {
      return TensorSource.of("weight", converter.download(converter.upload(values, dtype)));
    }
  }

  /// Runs the computation on both backends, within a scope, and compares what it returns.
  void compare(Function<Ops, Tensor> computation) {
    compare(tolerance, computation);
  }

  /// Compares with a tolerance of its own.
  void compare(double within, Function<Ops, Tensor> computation) {
    Tensor actual = run(ops, computation);
    Tensor expected;
    try (CpuOps scalar = CpuOps.scalar()) {
      expected = run(scalar, computation);
    }
    assertThat(actual.shape()).isEqualTo(expected.shape());
    assertThat(difference(actual.toFloats(), expected.toFloats())).isLessThanOrEqualTo(within);
  }

  /// Returns the length of the difference over the length of what was expected.
  static double difference(float[] actual, float[] expected) {
    double squares = 0;
    double errors = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = actual[i] - expected[i];
      errors += error * error;
      squares += (double) expected[i] * expected[i];
    }
    return Math.sqrt(errors) / Math.max(Math.sqrt(squares), 1e-30);
  }

  @Override
  public void close() {
    ops.close();
  }

  private static Tensor run(Ops ops, Function<Ops, Tensor> computation) {
    try (Scope _ = ops.scope()) {
      return ops.download(computation.apply(ops));
    }
  }
}
