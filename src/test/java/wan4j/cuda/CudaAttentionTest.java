package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cpu.CpuOps;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// The attention kernel of ours against plain loops, at sizes where tiles do not come out even.
final class CudaAttentionTest {
  private static final int SIZE = 128;
  private static final double TOLERANCE = 5e-3; // weights and results in bfloat16

  private final Random random = new Random(3);
  private CudaOps ops;

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @BeforeEach
  void open() {
    ops = new CudaOps(0, CudaTypes.BFLOAT16);
  }

  @AfterEach
  void close() {
    ops.close();
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1",
    "1, 176, 2, 1",
    "128, 177, 3, 1",
    "129, 175, 2, 1",
    "64, 352, 1, 4",
    "300, 1000, 5, 2",
    "257, 3000, 2, 8"
  })
  void itIsAWeightedMeanOfValues(int queries, int keys, int heads, float spread) {
    Tensor query = values(spread, queries, heads, SIZE);
    Tensor key = values(spread, keys, heads, SIZE);
    Tensor value = values(1, keys, heads, SIZE);
    double scale = 1 / Math.sqrt(SIZE);
    Tensor expected =
        run(
            new CpuOps(),
            query,
            key,
            value,
            (backend, all) -> backend.attention(all, scale, OperandFormat.Simple.PLAIN).values());
    try (var _ = ops.scope()) {
      Heads all = heads(ops, query, key, value);
      float[] first = byKernel(all, scale);
      assertThat(Comparison.relativeError(first, expected.toFloats())).isLessThan(TOLERANCE);
      assertThat(byKernel(all, scale)).isEqualTo(first);
    }
  }

  /// Scores that grow from tile to tile take the reference of the exponents along.
  @ParameterizedTest
  @CsvSource({"false", "true"})
  void scoresMayGrowOrShrinkAlongTheKeys(boolean isGrowing) {
    int keys = 1500;
    float[] grown = values(1, keys, 1, SIZE).toFloats();
    for (int i = 0; i < grown.length; i++) {
      int row = i / SIZE;
      float factor = 0.05f * (isGrowing ? row : keys - row);
      grown[i] = Math.round(grown[i] * factor * 16) / 16f;
    }
    Tensor query = values(1, 130, 1, SIZE);
    Tensor key = ops.download(ops.upload(Tensor.of(grown, keys, 1, SIZE), DType.BF16));
    Tensor value = values(1, keys, 1, SIZE);
    Tensor expected =
        run(
            new CpuOps(),
            query,
            key,
            value,
            (backend, all) -> backend.attention(all, 0.1, OperandFormat.Simple.PLAIN).values());
    try (var _ = ops.scope()) {
      Tensor target = ops.empty(DType.BF16, 130, 1, SIZE);
      ops.attentionByKernel(heads(ops, query, key, value), 0.1, target);
      assertThat(Comparison.relativeError(ops.download(target).toFloats(), expected.toFloats()))
          .isLessThan(TOLERANCE);
    }
  }

  private float[] byKernel(Heads heads, double scale) {
    Tensor target = ops.empty(DType.BF16, heads.query().shape().toArray());
    ops.attentionByKernel(heads, scale, target);
    return ops.download(target).toFloats();
  }

  /// A whole video's tokens, where no plain loop can follow: cuDNN is the other side.
  @Test
  void overManyKeysItAgreesWithCudnnAndWithItself() {
    int tokens = 20_000;
    try (var _ = ops.scope()) {
      Heads all =
          heads(
              ops,
              values(1, tokens, 2, SIZE),
              values(1, tokens, 2, SIZE),
              values(1, tokens, 2, SIZE));
      double scale = 1 / Math.sqrt(SIZE);
      Tensor target = ops.empty(DType.BF16, tokens, 2, SIZE);
      ops.attentionByLibrary(all, scale, target);
      float[] first = byKernel(all, scale);
      assertThat(Comparison.relativeError(first, ops.download(target).toFloats()))
          .isLessThan(TOLERANCE);
      assertThat(byKernel(all, scale)).isEqualTo(first);
    }
  }

  private static Tensor run(
      Ops backend,
      Tensor query,
      Tensor key,
      Tensor value,
      BiFunction<Ops, Heads, Tensor> attention) {
    try (backend;
        var _ = backend.scope()) {
      return backend.download(attention.apply(backend, heads(backend, query, key, value)));
    }
  }

  private static Heads heads(Ops backend, Tensor query, Tensor key, Tensor value) {
    DType type = backend.activation();
    return new Heads(
        backend.upload(query, type), backend.upload(key, type), backend.upload(value, type));
  }

  private Tensor values(float spread, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] drawn = new float[count];
    for (int i = 0; i < count; i++) {
      drawn[i] = Math.round(random.nextGaussian() * spread * 32) / 32f; // bfloat16 holds most of it
    }
    return ops.download(ops.upload(Tensor.of(drawn, sizes), DType.BF16));
  }
}
