package wan4j.cuda.bind;

import static wan4j.cuda.bind.MatmulDescription.Element.BFLOAT16;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT8_E4M3;

import java.util.Random;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;

/// Matrix products against plain loops.
final class MatmulProbe {
  private static final int ROWS = 136;
  private static final int COLUMNS = 256;
  private static final int INNER = 640;
  private static final long WORKSPACE = 64L << 20;

  private final long handle = CublasLt.create();
  private final Random random = new Random(7);

  /// Scales of an operand: factors as the device has them, and the factor of one element.
  private static final class Scales {
    private final float[] stored;
    private final Factor factor;

    Scales(float[] stored, Factor factor) {
      this.stored = stored;
      this.factor = factor;
    }

    interface Factor {
      float at(int row, int inner);
    }
  }

  /// Runs one product and returns its distance from a plain loop in float64.
  double distance(MatmulDescription product) {
    try (var memory = new ProbeMemory()) {
      var eight = product.input() == FLOAT8_E4M3;
      var x = new float[ROWS * INNER];
      var w = new float[COLUMNS * INNER];
      long input;
      long weight;
      if (eight) {
        var xBytes = ProbeMemory.eights(random, x.length);
        var wBytes = ProbeMemory.eights(random, w.length);
        for (var index = 0; index < x.length; index++) {
          x[index] = ProbeMemory.e4m3(xBytes[index]);
        }
        for (var index = 0; index < w.length; index++) {
          w[index] = ProbeMemory.e4m3(wBytes[index]);
        }
        input = memory.bytes(xBytes);
        weight = memory.bytes(wBytes);
      } else {
        x = ProbeMemory.normal(random, x.length);
        w = ProbeMemory.normal(random, w.length);
        input = product.input() == BFLOAT16 ? memory.bfloats(x) : memory.floats(x);
        weight = product.input() == BFLOAT16 ? memory.bfloats(w) : memory.floats(w);
      }
      var bias = ProbeMemory.normal(random, COLUMNS);
      var inputScales = scales(product.inputScale(), ROWS);
      var weightScales = scales(product.weightScale(), COLUMNS);
      var out = memory.empty((long) ROWS * COLUMNS * product.output().bytes());
      var workspace = memory.empty(WORKSPACE);
      try (var plan = MatmulPlan.of(handle, product, WORKSPACE)) {
        if (product.epilogue().biased()) {
          plan.bias(product.bias() == BFLOAT16 ? memory.bfloats(bias) : memory.floats(bias));
        }
        if (eight) {
          plan.scales(memory.floats(inputScales.stored), memory.floats(weightScales.stored));
        }
        if (product.output() == FLOAT8_E4M3) {
          plan.outputScale(memory.floats(new float[] {0.5f}));
        }
        plan.run(input, weight, 0, out, workspace, 0);
        var got = ProbeMemory.read(out, ROWS * COLUMNS, product.output().bytes());
        return ProbeMemory.distance(
            got, expected(product, x, w, bias, eight, inputScales, weightScales));
      }
    }
  }

  private static double[] expected(
      MatmulDescription product,
      float[] x,
      float[] w,
      float[] bias,
      boolean eight,
      Scales inputScales,
      Scales weightScales) {
    var expected = new double[ROWS * COLUMNS];
    for (var row = 0; row < ROWS; row++) {
      for (var column = 0; column < COLUMNS; column++) {
        var sum = 0.0;
        for (var k = 0; k < INNER; k++) {
          var term = (double) x[row * INNER + k] * w[column * INNER + k];
          sum +=
              eight
                  ? term * inputScales.factor.at(row, k) * weightScales.factor.at(column, k)
                  : term;
        }
        sum += product.epilogue().biased() ? bias[column] : 0;
        if (product.epilogue() == Epilogue.GELU || product.epilogue() == Epilogue.GELU_BIAS) {
          sum *= 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (sum + 0.044715 * sum * sum * sum)));
        }
        if (product.output() == FLOAT8_E4M3) {
          sum = Math.clamp(sum * 0.5, -448, 448);
        }
        expected[row * COLUMNS + column] = sum;
      }
    }
    return expected;
  }

  private Scales scales(Scale scale, int rows) {
    var blocks = INNER / 128;
    var padded = (blocks + 3) / 4 * 4;
    return switch (scale) {
      case TENSOR -> {
        var values = factors(1);
        yield new Scales(values, (row, k) -> values[0]);
      }
      case VECTOR -> {
        var values = factors(rows);
        yield new Scales(values, (row, k) -> values[row]);
      }
      case BLOCK_1X128 -> {
        var values = factors(blocks * rows);
        yield new Scales(values, (row, k) -> values[k / 128 * rows + row]);
      }
      case BLOCK_128X128 -> {
        var values = factors((rows + 127) / 128 * padded);
        yield new Scales(values, (row, k) -> values[row / 128 * padded + k / 128]);
      }
    };
  }

  private float[] factors(int count) {
    var values = new float[count];
    for (var index = 0; index < count; index++) {
      values[index] = 0.25f + random.nextFloat();
    }
    return values;
  }
}
