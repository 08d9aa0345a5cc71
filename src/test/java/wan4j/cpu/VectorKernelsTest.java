package wan4j.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.cpu.Gemm.Matrix;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Vector code against plain loops where rows are no multiple of a vector.
class VectorKernelsTest {
  private final Random random = new Random(3);

  private Tensor values(double deviation, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] drawn = new float[count];
    for (int i = 0; i < count; i++) {
      drawn[i] = (float) (random.nextGaussian() * deviation);
    }
    return Tensor.of(drawn, sizes);
  }

  private static void assertClose(Tensor actual, Tensor expected) {
    float[] found = actual.toFloats();
    float[] wanted = expected.toFloats();
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < wanted.length; i++) {
      errors += Math.pow((double) found[i] - wanted[i], 2);
      squares += Math.pow(wanted[i], 2);
    }
    assertThat(Math.sqrt(errors)).isLessThanOrEqualTo(1e-6 * Math.sqrt(squares));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "3, 13", "5, 207"})
  void normsCoverTheEndsOfRows(int rows, int dim) {
    Tensor x = values(3, rows, dim);
    Tensor shift = values(1, 2, dim);
    Tensor scale = values(1, 2, dim);
    Tensor groups = Tensor.of(random.ints(rows, 0, 2).toArray(), rows);
    Tensor fast = values(1, rows, dim);
    Tensor plain = values(1, rows, dim);
    VectorNorm.modulated(x, shift, scale, groups, 1e-6, fast);
    ScalarNorm.modulated(x, shift, scale, groups, 1e-6, plain);
    assertClose(fast, plain);
    VectorNorm.layer(x, shift.at(0), scale.at(1), 1e-6, fast);
    ScalarNorm.layer(x, shift.at(0), scale.at(1), 1e-6, plain);
    assertClose(fast, plain);
    VectorNorm.rootMeanSquare(x, shift.at(0), 1e-6, fast);
    ScalarNorm.rootMeanSquare(x, shift.at(0), 1e-6, plain);
    assertClose(fast, plain);
    VectorElementwise.gatedAdd(fast, x, scale, groups);
    ScalarElementwise.gatedAdd(plain, x, scale, groups);
    assertClose(fast, plain);
    Tensor pixels = x.reshape(1, 1, rows, dim);
    VectorNorm.channel(pixels, shift.at(1), true, fast.reshape(1, 1, rows, dim));
    ScalarNorm.channel(pixels, shift.at(1), true, plain.reshape(1, 1, rows, dim));
    assertClose(fast, plain);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 6, 26, 32})
  void rotationKeepsPairsTogetherForEveryHeadSize(int size) {
    Tensor qkv = values(1, 3, 9L * size);
    Tensor weight = values(1, 3L * size);
    Tensor rope = values(1, 3, size);
    Heads fast = new Heads(values(1, 3, 3, size), values(1, 3, 3, size), values(1, 3, 3, size));
    Heads plain = new Heads(values(1, 3, 3, size), values(1, 3, 3, size), values(1, 3, 3, size));
    VectorNorm.queryKeyValue(qkv, weight, weight, 1e-6, rope, fast);
    ScalarNorm.queryKeyValue(qkv, weight, weight, 1e-6, rope, plain);
    assertClose(fast.query(), plain.query());
    assertClose(fast.key(), plain.key());
    assertClose(fast.value(), plain.value());
  }

  @Test
  void elementwiseFunctionsCoverTheEndOfATensor() {
    Tensor x = values(4, 3, 2 * 207);
    Tensor fast = values(1, 3, 207);
    Tensor plain = values(1, 3, 207);
    VectorElementwise.gatedGelu(x, fast);
    ScalarElementwise.gatedGelu(x, plain);
    assertClose(fast, plain);
    for (Activation function : Activation.values()) {
      VectorElementwise.activate(plain, function, fast);
      ScalarElementwise.activate(plain, function, plain);
      assertClose(fast, plain);
    }
    Tensor sum = values(1, 3, 207);
    VectorElementwise.add(fast, sum);
    ScalarElementwise.add(plain, sum);
    assertClose(fast, plain);
  }

  @Test
  void theExponentialIsExactToTheLastBits() {
    float[] points = new float[4096];
    for (int i = 0; i < points.length; i++) {
      points[i] = -87f + i * (175f / points.length);
    }
    for (int i = 0; i < points.length; i += Vectors.LANES) {
      var x = FloatVector.fromArray(Vectors.SPECIES, points, i);
      float[] found = Vectors.exponential(x).toArray();
      for (int lane = 0; lane < found.length; lane++) {
        double expected = Math.exp(points[i + lane]);
        assertThat(Math.abs(found[lane] - expected)).isLessThan(2e-7 * expected);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 1", "13, 33, 207", "64, 31, 400", "9, 65, 1000"})
  void bothMatrixProductsAgreeWithASum(int rows, int columns, int depth) {
    try (CpuOps ops = new CpuOps()) {
      Tensor a = ops.upload(values(1, rows, depth + 3L), DType.F32);
      Tensor transposed = ops.upload(values(1, columns, depth), DType.F32);
      Tensor plain = ops.upload(values(1, depth, columns), DType.F32);
      for (boolean isTransposed : new boolean[] {true, false}) {
        Tensor b = isTransposed ? transposed : plain;
        float[] expected = new float[rows * columns];
        float[] left = a.toFloats();
        float[] right = b.toFloats();
        for (int i = 0; i < rows; i++) {
          for (int j = 0; j < columns; j++) {
            double sum = 0;
            for (int k = 0; k < depth; k++) {
              double factor = isTransposed ? right[j * depth + k] : right[k * columns + j];
              sum += left[i * (depth + 3) + k] * factor;
            }
            expected[i * columns + j] = (float) (0.5 * sum + 2 * (i + j));
          }
        }
        for (Gemm gemm : new Gemm[] {new VectorGemm(), Gemm.best()}) {
          Tensor c = ops.upload(start(rows, columns), DType.F32);
          gemm.multiply(
              isTransposed,
              rows,
              columns,
              depth,
              0.5f,
              new Matrix(a.segment(), depth + 3),
              new Matrix(b.segment(), isTransposed ? depth : columns),
              2,
              new Matrix(c.segment(), columns));
          assertClose(c, Tensor.of(expected, rows, columns));
        }
      }
    }
  }

  private static Tensor start(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / columns + i % columns;
    }
    return Tensor.of(values, rows, columns);
  }

  @Test
  void tilesBecomeNarrowerUntilEveryProcessorHasTwo() {
    assertThat(TiledLinear.columns(1536, 2, 768, 2)).isEqualTo(768);
    assertThat(TiledLinear.columns(1536, 1, 768, 2)).isEqualTo(384);
    assertThat(TiledLinear.columns(1536, 1, 768, 64)).isEqualTo(96);
    assertThat(TiledLinear.columns(16, 1, 768, 2)).isEqualTo(96);
  }

  @Test
  void aConvolutionOfVeryManyChannelsFitsTheScratchMemory() {
    int channels = 4000;
    try (CpuOps ops = new CpuOps();
        CpuOps scalar = CpuOps.scalar()) {
      Tensor x = ops.upload(values(1, 1, 1, 3, channels), DType.F32);
      TensorSource weight = TensorSource.of("weight", values(0.1, 32, channels, 1, 1, 2));
      TensorSource bias = TensorSource.of("bias", values(1, 32));
      Tensor[] results = new Tensor[2];
      for (CpuOps each : List.of(ops, scalar)) {
        try (Parameters parameters = each.parameters()) {
          Tensor target = each.empty(DType.F32, 1, 1, 2, 32);
          each.convolution(x, parameters.convolution(weight, bias), Window.VALID, target);
          results[each == ops ? 0 : 1] = target;
        }
      }
      assertClose(results[0], results[1]);
    }
  }

  @Test
  void theWaistRunsWithoutOpenBlasWhereItIsRefused() {
    System.setProperty("wan4j.blas", "vector");
    try (CpuOps ops = new CpuOps(Gemm.best());
        CpuOps scalar = CpuOps.scalar()) {
      assertThat(Gemm.best()).isInstanceOf(VectorGemm.class);
      Tensor query = values(1, 13, 2, 32);
      Tensor key = values(1, 65, 2, 32);
      Tensor[] results = new Tensor[2];
      for (CpuOps each : List.of(ops, scalar)) {
        Heads heads = new Heads(query, key, key);
        results[each == ops ? 0 : 1] =
            each.attention(heads, 0.2, OperandFormat.Simple.PLAIN).values();
      }
      assertClose(results[0], results[1]);
    } finally {
      System.clearProperty("wan4j.blas");
    }
  }

  @Test
  void openBlasIsUsedWhereItsJarIs() {
    assertThat(OpenBlas.isPresent())
        .isEqualTo(
            System.getProperty("os.arch").equals("amd64")
                && System.getProperty("os.name").equals("Linux"));
    assertThat(Gemm.best()).isInstanceOf(OpenBlas.isPresent() ? OpenBlas.class : VectorGemm.class);
  }

  @Test
  void theErrorFunctionMatchesItsTable() {
    // Abramowitz and Stegun, table 7.1
    assertThat(ScalarElementwise.errorFunction(0.5)).isEqualTo(0.5204998778130465, offset());
    assertThat(ScalarElementwise.errorFunction(-1)).isEqualTo(-0.8427007929497149, offset());
    assertThat(ScalarElementwise.errorFunction(2)).isEqualTo(0.9953222650189527, offset());
    assertThat(ScalarElementwise.errorFunction(7)).isEqualTo(1, offset());
    assertThat(ScalarElementwise.apply(Activation.GELU_ERF, 1))
        .isEqualTo(0.8413447460685429, offset());
  }

  private static Offset<Double> offset() {
    return Offset.offset(1e-14);
  }
}
